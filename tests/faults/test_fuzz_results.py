"""Fuzzes the readers of a checkout's files and of a training's files (see `fuzzing`)."""

import contextlib
import csv
import json
import sys

import numpy as np
import pytest
import yaml
from fuzzing import checked, damaged, examples
from hypothesis import given
from hypothesis import strategies as st

from advkd.artifacts import figures, table_cells, tables
from advkd.claims.claim_file import load_claims
from advkd.files import sha256, write_json
from advkd.report import measure, status, tensorboard
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.user import User
from checkouts import copy_checkout

RUN = "okd/codebrim/sagan/okd+rho=0.3/seed0"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A checkout whose files are damaged; it is the working folder of this module's tests."""
    folder = copy_checkout(tmp_path_factory.mktemp("fuzz") / "checkout")
    with contextlib.chdir(folder):
        yield folder


@contextlib.contextmanager
def replaced(path, data):
    """Replace a file for a while, and forget its cached content before and afterwards."""
    original = path.read_bytes()
    path.write_bytes(data)
    forget()
    try:
        yield
    finally:
        path.write_bytes(original)
        forget()


def forget():
    """Clear every cache of the packages that read the files of a checkout."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("advkd.settings", "advkd.claims")):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@given(st.data())
@examples(10)
def test_published_numbers(place, data):
    path = place / "paper/published/gip_table1.csv"
    with replaced(path, data.draw(damaged(path.read_bytes()))), contextlib.chdir(place), checked(place):
        table_cells.collect_rows("gip_table1", User())
        catalog.runs("gip_table1", User())


@given(st.data())
@examples(10)
def test_claims(place, data):
    path = place / "paper/claims.yaml"
    text = path.read_bytes()
    start = data.draw(st.integers(0, len(text) - 1500))
    part = yaml.safe_dump({"okd": yaml.safe_load(text)["okd"][:2]}).encode() if start % 2 else text[:1500]
    with replaced(path, data.draw(damaged(part))), contextlib.chdir(place), checked(place):
        load_claims()


@given(st.data())
@examples(15)
def test_files_of_settings(place, data):
    path = place / data.draw(st.sampled_from(["config/config.yaml", "config/okd.yaml", "config/scales/smoke.yaml"]))
    with replaced(path, data.draw(damaged(path.read_bytes()))), contextlib.chdir(place), checked(place):
        config.resolve(RUN, config.user())


NAME = "gip/cifar10/resnet18/gip/seed0"


@pytest.fixture(scope="module")
def run_folder(place):
    """The folder of a finished run, as a training leaves it."""
    one = config.resolve(NAME, User(seeds=1))
    folder = place / folder_of(one).path
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 10
    logits = rng.normal(size=(40, 10)).astype(np.float32)
    np.savez(folder / "predictions.npz", labels=labels, logits=logits, best_logits=logits, features=logits[:, :4])
    drawn = {"images": rng.integers(0, 256, (3, 4, 8, 8, 3), dtype=np.uint8), "epochs": np.arange(1, 4)}
    extra = {"predicted": rng.integers(0, 10, (3, 4)), "confidence": rng.random((3, 4), np.float32)}
    np.savez(folder / "samples.npz", **drawn, **extra, frequency=rng.multinomial(5000, np.full(10, 0.1), 3))
    with (folder / "history.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", "lr", "L_KD", "L_G", "L_OH", "L_IE", "L_ACT", "bns"])
        rows.writerows([epoch, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0] for epoch in (1, 2, 3))
    (folder / "config.yaml").write_text(yaml.safe_dump(one.document(), sort_keys=False))
    attempt = {
        "gpu": None, "processor": "CPU", "threads": 1, "cores": 2, "commit": None, "changed": None, "code": "0",
        "began": "2026-01-01T00:00:00Z", "python": "3.11", "packages": {"torch": "2.11"}, "device": "cpu",
    }  # fmt: skip
    checksums = {"predictions.npz": sha256(folder / "predictions.npz"), "model.safetensors": "0" * 64}
    data = {
        "name": "cifar10", "store": one.store, "classes": [f"kind {i}" for i in range(10)], "parents": {},
        "source": {"verified": "published checksum", "content": "0" * 64}, "sha256": {"images.npy": "1" * 64},
    }  # fmt: skip
    result = {"run": NAME, "config_hash": one.hash, "status": "done", "epochs": 3, "sha256": checksums}
    write_json(folder / "result.json", result)
    shared = {"result": result, "code": "0" * 12, "wall_seconds": 3.0, "peak_memory_mib": {"host": 100}}
    write_json(folder / "provenance.json", {"data": data, "attempts": [attempt], "scale": "smoke", **shared})
    with contextlib.chdir(place):
        for read in READING.values():  # loads their modules, so that the timed calls below do not
            read(User(seeds=1), place / "out")
    return folder


FILES = ["result.json", "metrics.json", "provenance.json", "history.csv", "predictions.npz", "samples.npz"]
READING = {
    "table": lambda user, out: tables.write_table("gip_table1", user, out),
    "figure": lambda user, out: figures.write_figure("gip_figureS2", user, out),
    "measure": lambda user, out: measure.report(NAME, None, user),
    "status": lambda user, out: status.report(user, False),
    "tensorboard": lambda user, out: tensorboard.write([NAME], user, out),
}


@given(st.data())
@examples(12)
def test_the_files_of_a_run(place, run_folder, data):
    """Some examples also have a checksum that fits the damaged file."""
    file = data.draw(st.sampled_from(FILES))
    reading = data.draw(st.sampled_from(list(READING)))
    changed = data.draw(damaged((run_folder / file).read_bytes()))
    kept = {name: (run_folder / name).read_bytes() for name in FILES}
    with contextlib.chdir(place):
        try:
            (run_folder / file).write_bytes(changed)
            if file.endswith(".npz") and data.draw(st.booleans()):
                (run_folder / "metrics.json").unlink()
                result = json.loads(kept["result.json"])
                result["sha256"][file] = sha256(run_folder / file)
                write_json(run_folder / "result.json", result)
            with checked(place):
                READING[reading](User(seeds=1), place / "out")
        finally:
            for name, content in kept.items():
                (run_folder / name).write_bytes(content)
