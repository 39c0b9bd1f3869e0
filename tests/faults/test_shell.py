"""Settings, paths and names with characters that a shell, a format string or a path would interpret."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from advkd.cli import main
from advkd.data.store import Store
from checkouts import snakemake

SHELL = "a $(touch x) `touch x`; touch x & | > x \"d' \\ %s * ~ ! é😀"
BRACES = "{store} {{two}} {input:q}"
NAMES = [
    "../../x", "/etc/passwd", "okd_table1; touch x", "$(touch x)", "okd_table1\nx", "..", ".", "-x", "{run}", "日本",
    "x" * 5000, "okd/codebrim/sagan/okd+rho=$(touch x)/seed0", "okd/../../../x/okd/seed0",
    "okd/codebrim/sagan/okd/seed0/../../x", "okd/codebrim/sagan/okd/seed٣", "okd/codebrim/sagan/okd/seed00",
    f"okd/codebrim/sagan/okd/seed{'9' * 5000}",
]  # fmt: skip
COMMANDS = {
    "train": [], "config": [], "explain": [], "plan": [], "table": ["--out", "out"], "figure": ["--out", "out"],
    "synthesize": ["--count", "1", "--out", "out"], "tensorboard": ["--out", "out"], "measure": [],
    "evaluate": ["--reals", "r", "--out", "out"], "fetch": ["--out", "out"], "draw": ["--size", "1", "--out", "out"],
}  # fmt: skip


@pytest.fixture
def images(tmp_path):
    """A folder of images with hostile names, at every level."""
    folder = tmp_path / f"{SHELL} {BRACES}\nimages"
    pixels = np.random.default_rng(0).integers(0, 256, (70, 70, 3), dtype=np.uint8)
    for kind in ("crack", f"{SHELL} {BRACES}"):
        (folder / kind).mkdir(parents=True)
        for name in (b"0 $(touch x).png", b"{run}.png", b"new\nline'.png", b"caf\xe9.png", b"=1+1.png"):
            Image.fromarray(pixels).save(folder / kind / os.fsdecode(name))
    return folder


def nothing_ran(folder):
    return not [path for path in folder.rglob("*") if path.name in ("x", "two")]


def test_a_workflow_on_hostile_paths(checkout, images, tmp_path):
    """The workflow is planned and prepares a store, which is at its place; nothing else is executed."""
    root = tmp_path / f"data {SHELL}"
    settings = {
        "folders": {"codebrim": str(images)}, "data_root": str(root), "mirror": f"{SHELL}\n{BRACES}",
        "inception_weights": SHELL, "seeds": 1, "override": {"okd": {"crops": 0, "batch": 4}},
    }  # fmt: skip
    words = ["okd_table1", "--until", "prepare", "--configfile", "config/config.yaml", "hostile.yaml"]
    (checkout / "hostile.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True))
    plan = snakemake(checkout, "-n", "-p", *words)
    assert "prepare" in plan.stdout and nothing_ran(tmp_path)
    snakemake(checkout, *words)
    (store,) = (meta.parent for meta in (root / "stores").glob("*/meta.json"))
    found = Store.open(store)
    assert found.meta["classes"] == sorted(["crack", f"{SHELL} {BRACES}"]) and len(found.images) == 9
    assert nothing_ran(tmp_path) and {path.name for path in root.iterdir()} == {"stores"}


REFUSED = {
    "data_root=a{store}": "data_root is 'a{store}'",
    "override={okd: {rho: $(touch x)}}": "rho is '$(touch x)'",
}


@pytest.mark.parametrize("setting", REFUSED)
def test_wrong_settings_stop_a_workflow_before_anything_runs(checkout, setting):
    done = snakemake(checkout, "-n", "okd_table1", "--config", setting, check=False)
    assert done.returncode != 0 and REFUSED[setting] in done.stderr + done.stdout
    assert "Traceback" not in done.stderr and nothing_ran(checkout) and not (checkout / "results").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_names_on_the_command_line(checkout, capfd, name):
    for word in NAMES:
        try:
            status = main([name, *COMMANDS[name], "--", word])
        except SystemExit as end:  # argparse
            status = end.code
        said = capfd.readouterr().err
        assert status == 2 and "Traceback" not in said, (word[:80], said)
        assert len(said.splitlines()) == 1, said
    assert nothing_ran(checkout.parent) and not Path("out").exists() and not Path("results").exists()
