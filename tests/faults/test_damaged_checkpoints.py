"""A checkpoint that is cut off or changed anywhere is detected and reported, and only costs time."""

import io
import os
import random
import signal
from pathlib import Path

import pytest
import torch
from tiny_runs import document, make_store

from advkd.files import read_json
from advkd.methods.okd import GanEnsemble
from advkd.runs import checkpoint
from advkd.runs.train import train

RUN = "okd/codebrim/sagan/single/seed0"
FILES = ["model.safetensors", "samples.npz", "history.csv", "result.json"]
PLACES = 200
NEWEST, BEFORE = checkpoint.CHECKPOINTS


def save(folder: Path, step: int) -> None:
    weights = torch.randn(40, 30, generator=torch.Generator().manual_seed(step))
    checkpoint.save(folder, {"identity": "x", "step": step, "state": {"networks": {"G1": {"weight": weights}}}})


@pytest.fixture
def saved(tmp_path):
    """A folder with the checkpoints of steps 1 and 2."""
    for step in (1, 2):
        save(tmp_path, step)
    return tmp_path


def places(content: bytes) -> list[int]:
    """Return the positions of the first, the last and some random bytes of a file."""
    inside = random.Random(0).sample(range(1, len(content) - 1), PLACES - 2)
    return [0, *inside, len(content) - 1]


def cut(content: bytes, place: int) -> bytes:
    return content[:place]


def change(content: bytes, place: int) -> bytes:
    """Change one bit of a byte."""
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [cut, change])
def test_damage_anywhere_gives_one_line_and_the_previous_checkpoint(damage, saved, capsys):
    newest, before = saved / NEWEST, (saved / BEFORE).read_bytes()
    content = newest.read_bytes()
    for place in places(content):
        newest.write_bytes(damage(content, place))
        assert checkpoint.load(saved, "x")["step"] == 1, place
        said = capsys.readouterr().err
        assert said == f"{newest} is damaged (its checksum differs); trying the one before\n", place
        assert not newest.exists() and (saved / BEFORE).read_bytes() == before
    newest.write_bytes(content)
    assert checkpoint.load(saved, "x")["step"] == 2


def test_torch_alone_would_return_changed_weights(saved):
    """This is why checkpoints end in a checksum. If this test fails, torch compares its own, and ours can go."""
    content = (saved / NEWEST).read_bytes()
    weights = checkpoint.load(saved, "x")["state"]["networks"]["G1"]["weight"]
    at = content.index(weights.numpy().tobytes())
    found = torch.load(io.BytesIO(change(content, at + 5)), weights_only=True)
    assert not torch.equal(found["state"]["networks"]["G1"]["weight"], weights)


def test_a_run_with_two_damaged_checkpoints_starts_again(saved, capsys):
    for name in checkpoint.CHECKPOINTS:
        content = (saved / name).read_bytes()
        (saved / name).write_bytes(change(content, len(content) // 2))
    assert checkpoint.load(saved, "x") is None
    assert capsys.readouterr().err.splitlines() == [
        f"{saved / NEWEST} is damaged (its checksum differs); trying the one before",
        f"{saved / BEFORE} is damaged (its checksum differs); starting anew",
    ]
    assert not list(saved.iterdir())


def test_a_damaged_checkpoint_never_replaces_a_whole_one(saved):
    (saved / NEWEST).write_bytes(b"")
    assert checkpoint.load(saved, "x")["step"] == 1
    save(saved, 3)
    (saved / NEWEST).write_bytes(b"")
    assert checkpoint.load(saved, "x")["step"] == 1


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_root):
    folder = tmp_path_factory.mktemp("undisturbed")
    train(document(RUN), folder, data_root, "cpu", 1000)
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture
def stopped(tmp_path, data_root, monkeypatch):
    """A run that was stopped at step 5, with the checkpoints of steps 4 and 5."""
    original, made = GanEnsemble.step, []

    def step(self, *args):
        made.append(1)
        if len(made) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(GanEnsemble, "step", step)
        assert train(document(RUN), tmp_path, data_root, "cpu", 0) == 143
    return tmp_path


@pytest.mark.parametrize(
    ("damaged", "damage", "steps"),
    [([NEWEST], cut, [0, 4]), ([NEWEST], change, [0, 4]), ([NEWEST, BEFORE], change, [0])],
    ids=["the newest cut off", "a bit of the newest changed", "a bit of both changed"],
)
def test_a_training_ends_with_the_same_bits(damaged, damage, steps, stopped, undisturbed, data_root):
    for name in damaged:
        content = (stopped / name).read_bytes()
        (stopped / name).write_bytes(damage(content, len(content) // 3))
    assert train(document(RUN), stopped, data_root, "cpu", 1000) == 0
    assert contents(stopped) == undisturbed
    assert [attempt["from_step"] for attempt in read_json(stopped / "provenance.json")["attempts"]] == steps
    told = (stopped / "log.txt").read_text()
    assert told.count("is damaged") == len(damaged) and ("starting anew" in told) == (len(damaged) == 2)
