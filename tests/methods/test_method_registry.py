"""Methods from outside: a package that is not part of this one registers a method through an entry point."""

import json
import subprocess
import sys
from textwrap import dedent

import pytest
import yaml

from advkd.methods.settings.base import registered
from advkd.settings.papers import RUN_CLASSES
from checkouts import ROOT, environment

RUN = "aikd/cifar100/preact_resnet18/{}/seed0"
SETTINGS = """
    from dataclasses import dataclass, field
    from typing import ClassVar, Literal

    from advkd.bounds import Share
    from advkd.methods.settings.base import MethodSettings, Superior

    @dataclass(frozen=True, kw_only=True)
    class SmoothSettings(MethodSettings):
        papers: ClassVar = ("aikd",)
        implementation: ClassVar = "smooth_loss:Smooth"

        method: Literal["smooth"] = "smooth"
        smoothing: Share = 0.25
        superior: Superior = field(default_factory=Superior)
"""
LOSS = """
    from torch.nn import functional as F

    from advkd.methods.method import Method, error
    from smooth_settings import SmoothSettings

    class Smooth(Method[SmoothSettings]):
        Settings = SmoothSettings

        def __init__(self, settings, student, *, superior, **task):
            super().__init__(settings, student, **task)
            self.superior = superior

        def loss(self, batch):
            logits = self.logits(batch.images)
            smoothed = F.cross_entropy(logits, batch.labels, label_smoothing=self.settings.smoothing)
            return smoothed, {"smoothed": smoothed.detach(), "error": error(logits, batch)}
"""


@pytest.fixture
def distribution(tmp_path):
    """Install a distribution in a folder: distribution(entry points by name, source by module); returns the folder."""

    def install(entries, **modules):
        folder = tmp_path / "installed"
        about = folder / "smooth-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: smooth\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (about / "entry_points.txt").write_text("\n".join(["[advkd.methods]", *lines]) + "\n")
        for name, source in modules.items():
            (folder / f"{name}.py").write_text(dedent(source))
        return folder

    return install


def python(folder, *words):
    """Run Python in the checkout, with a folder of installed packages; returns the finished process."""
    paths = [str(ROOT / "src"), str(folder), str(ROOT / "tests/shared")]
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True,
        env=environment(ROOT) | {"PYTHONPATH": ":".join(paths)},
    )  # fmt: skip


def config(folder, method, *settings):
    return python(folder, "-m", "advkd", "config", RUN.format(method), "--config", "scale=smoke", *settings)


def one_line(done):
    """Return the message of a command that refuses its input: one line, exit status 2."""
    assert done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_method_from_outside_is_resolved_and_trained(distribution, tmp_path):
    folder = distribution({"smooth": "smooth_settings:SmoothSettings"}, smooth_settings=SETTINGS, smooth_loss=LOSS)
    settings = {}
    for words in ("", 'override={"aikd": {"smoothing": 0.5}}'):
        done = config(folder, "smooth", *filter(None, [words]))
        assert done.returncode == 0, done.stderr
        settings[words] = yaml.safe_load(done.stdout)
    plain, changed = settings.values()
    assert (plain["smoothing"], changed["smoothing"]) == (0.25, 0.5)
    assert (plain["method"], plain["superior"]) == ("smooth", "baseline") and "omega" not in plain

    message = one_line(config(folder, "smooth+smoothing=1.5"))
    assert "smoothing is 1.5: input should be less than or equal to 1" in message
    assert "smoothing only applies with method smooth" in one_line(config(folder, "baseline+smoothing=0.5"))

    program = """
        import json, sys
        from pathlib import Path
        import tiny_classifiers as tiny

        work = Path(sys.argv[1])
        data_root, histories = tiny.make_store(work / "data"), {}
        for method in ("baseline", "smooth", "smooth+smoothing=0"):
            document = {**tiny.document(method, epochs=1), "generation": 0}
            status, folder, _ = tiny.train(document, work / "runs", data_root)
            assert status == 0
            header, row = (folder / "history.csv").read_text().splitlines()
            histories[method] = dict(zip(header.split(","), row.split(",")))
        print(json.dumps(histories))
    """
    done = python(folder, "-c", dedent(program), str(tmp_path))
    assert done.returncode == 0, done.stderr
    histories = json.loads(done.stdout.splitlines()[-1])
    assert histories["smooth"]["smoothed"] == histories["smooth"]["L"] != histories["baseline"]["L"]
    assert histories["smooth+smoothing=0"]["L"] == histories["baseline"]["L"], "cross-entropy, step by step"

    resolved = tmp_path / "runs" / RUN.format("smooth") / "config.yaml"
    without = python(tmp_path, "-m", "advkd.runs", str(resolved), "--data-root", str(tmp_path / "data"))
    message = one_line(without)
    assert "config.yaml: method is 'smooth'; allowed: aikd, baseline, " in message


SMOOTH = {"smooth": "smooth_settings:SmoothSettings"}
MARKED = "the method smooth (smooth_settings:SmoothSettings)"
# For each fault: the entry points, what is replaced in the settings' source and by what, and the message.
BAD = {
    "no module": (
        {"smooth": "absent:Settings"}, "", "",
        "the method smooth (absent:Settings) cannot be loaded: No module named 'absent'",
    ),
    "an error of its own": (
        SMOOTH, "from typing", "raise RuntimeError('two\\nlines')\n    from typing",
        f"{MARKED} cannot be loaded: two lines",
    ),
    "no settings": (
        {"smooth": "smooth_settings:Share"}, "", "",
        "the method smooth (smooth_settings:Share) is no subclass of advkd.methods.settings.base.MethodSettings",
    ),
    "no papers": (SMOOTH, '("aikd",)', '"aikd"', f"{MARKED} must name its papers in a tuple"),
    "no loss": (
        SMOOTH, "smooth_loss:", "absent.loss:", f"{MARKED} must name the class of its loss, as `implementation",
    ),
    "no name": (
        SMOOTH, ' = "smooth"', "", "smooth_settings.SmoothSettings gives its field `method` no default",
    ),
    "a name that is taken": (
        SMOOTH, '"smooth"', '"tfkd"', "two methods are called 'tfkd': advkd.methods.settings.tfkd and smooth_settings",
    ),
    "two entry points": (
        {**SMOOTH, "other": SMOOTH["smooth"]}, "", "",
        "two methods are called 'smooth': smooth_settings and smooth_settings",
    ),
    "a setting that runs have": (
        SMOOTH, "smoothing:", "lr:", "smooth_settings: 'lr' is a setting of all runs of aikd: rename it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_method_that_cannot_be_used_is_one_line(distribution, fault):
    entries, old, new, message = BAD[fault]
    assert old in SETTINGS
    folder = distribution(entries, smooth_settings=SETTINGS.replace(old, new), smooth_loss=LOSS)
    assert one_line(config(folder, "smooth")).startswith(f"advkd config: {message}")


def test_every_method_names_a_class_that_takes_its_settings():
    from advkd.methods.method import Method
    from advkd.training.classifier import method_class

    for paper in RUN_CLASSES.keys() - {"okd"}:
        for name, settings in registered(paper).items():
            method = method_class(settings())
            assert issubclass(method, Method) and method.Settings is settings, name
