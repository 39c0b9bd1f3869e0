"""The code of docs/library.md, run from its beginning to its end with small networks and real files."""

import contextlib
import doctest
import re
import sys
import types

import pytest
import tiny_classifiers as tiny
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from advkd import methods, metrics
from checkouts import ROOT

PAGE = (ROOT / "docs/library.md").read_text(encoding="utf-8")
CLASSES = 100
# What a reader has at their size: here it is small. Every entry must occur in the page.
SMALLER = {
    "synthetic_steps=120": "synthetic_steps=2",
    "synthetic_batch=256": "synthetic_batch=4, noise=5, generator_width=4",
    "image_size=32": "image_size=8",
    "width=64, z=128": "width=8, z=8",
}


class Network(nn.Module):
    """A classifier of images of 8 pixels."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, CLASSES)

    def forward(self, images):
        return self.head(self.norm(self.conv(images)).relu().mean((2, 3)))


def blocks():
    """Return the Python code of the page, one text a block, at a small size."""
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for old, new in SMALLER.items():
        assert any(old in block for block in code), f"the page has no {old}"
        code = [block.replace(old, new) for block in code]
    return [block for block in code if not block.startswith(">>>")]


@pytest.fixture
def given(checkout):
    """The names that the page's code uses and does not define, in a checkout with a finished run."""
    images, targets = torch.randn(12, 3, 8, 8), torch.arange(12) % 4
    dataset = TensorDataset(images, targets)
    torch.save(Network().state_dict(), "superior.pt")
    store = tiny.make_store(checkout / "data")
    for seed in (0, 1):
        status, _, _ = tiny.train(tiny.document("baseline", seed, epochs=1), checkout / "results/smoke/runs", store)
        assert status == 0
    pictures = TensorDataset(torch.rand(4, 3, 64, 64) * 2 - 1, torch.arange(4))
    return {
        "make_network": Network, "epochs": 2, "teacher": Network(), "dataset": dataset, "targets": targets,
        "loader": DataLoader(dataset, batch_size=6), "gan_loader": DataLoader(pictures, batch_size=2),
    }  # fmt: skip


class Recorder(types.ModuleType):
    """Stands for wandb or mlflow: keeps what is logged."""

    def __init__(self, name):
        super().__init__(name)
        self.logged, self.summary = [], {}

    @contextlib.contextmanager
    def begin(self, **words):
        self.logged.append(words)
        yield self

    init = start_run = begin

    def log(self, line, **words):
        self.logged.append(line)

    log_params = log_metrics = log


def test_the_code_of_the_page_runs_from_its_beginning_to_its_end(given, monkeypatch):
    services = {name: Recorder(name) for name in ("wandb", "mlflow")}
    for name, service in services.items():
        monkeypatch.setitem(sys.modules, name, service)
    names, loops = dict(given), []
    code = blocks()
    loop = next(block for block in code if "method.steps(loader)" in block)
    for block in code:
        exec(compile(block, "docs/library.md", "exec"), names)
        if "method = " in block and block is not code[1]:  # each method of the page in the loop for all of them
            images = torch.randn(12, 3, 32, 32) if "GanTsc" in block else given["dataset"].tensors[0]
            if "GanTsc" in block:
                names["loader"] = DataLoader(TensorDataset(images, given["targets"]), batch_size=6)
            before = [weight.clone() for weight in names["student"].parameters()]
            exec(loop, names)
            moved = [not torch.equal(a, b) for a, b in zip(before, names["student"].parameters(), strict=True)]
            loops.append((type(names["method"]), all(moved)))
    assert loops == [(kind, True) for kind in (methods.PsKd, methods.CsKd, methods.Gip, methods.GanTsc)]
    assert names["pictures"].shape == (16, 64, 64, 3) and names["pictures"].dtype == torch.uint8
    assert set(names["state"]["tensors"]) == set(names["method"].tensors)
    assert len(names["done"]) == 2 and len(names["cells"]) == len(names["cells"].dropna(subset=["tag"]))
    for service in services.values():
        assert service.logged[0].get("name", service.logged[0].get("run_name")) == tiny.NAME.format("baseline")
        assert any(line.get("valid_error") is not None for line in service.logged)
    assert services["wandb"].summary["top1_error"] == names["done"]["metrics.top1_error"].iloc[-1]
    assert services["mlflow"].logged[1]["epochs"] == 1


def test_the_examples_of_the_measures():
    parser = doctest.DocTestParser()
    examples = "".join(re.findall(r"^```python\n(>>>.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    test = parser.get_doctest(examples, {}, "docs/library.md", "docs/library.md", 0)
    result = doctest.DocTestRunner().run(test)
    assert result.failed == 0 and result.attempted == examples.count(">>> ") > 8


def test_every_public_name_is_explained():
    words = set(re.findall(r"\w+", PAGE))
    results = {"CalibrationError", "ErrorRates", "FrechetDistance", "KernelDistance", "SeedDifference"}
    results |= {"TemperatureScaling"}  # the page names their entries
    plain = {"Batch", "Method", "MethodSettings", "Superior", "DaflSynthesis"}  # for who writes a method
    assert set(metrics.__all__) - words == results
    assert set(methods.__all__) - words <= plain


def test_every_method_has_a_row_in_the_table_of_needs():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("What each method needs")[2], re.MULTILINE)
    kinds = {name for name in methods.__all__ if hasattr(getattr(methods, name), "Settings")} - {"Method"}
    assert set(rows[: len(kinds)]) == kinds
