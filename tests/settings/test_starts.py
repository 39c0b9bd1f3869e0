"""Runs that start from a trained network."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_classifiers import TINY, make_store, train

from advkd.errors import UserError
from advkd.files import sha256
from advkd.report.content.run_facts import start_facts
from advkd.runs.folder import RunFolder
from advkd.runs.lookup import state_of
from advkd.runs.state import Kind
from advkd.settings import config

RUN = "aikd/cifar100/preact_resnet18/{}+start=objects/seed0"


@pytest.fixture
def exported(tmp_path):
    """A folder with weights, which only a training reads."""
    return write(tmp_path / "exported", 1.0)


def write(folder, value):
    folder.mkdir(exist_ok=True)
    save_file({"conv1.weight": torch.full((2,), value)}, folder / "model.safetensors")
    return folder


def resolve(folder, name="aikd", **override):
    user = config.user({"starts": {"objects": str(folder)}, "override": {"aikd": override}})
    return config.resolve(RUN.format(name), user)


def test_a_start_is_a_setting_of_the_run_and_of_its_superior(exported):
    run = resolve(exported)
    digest = sha256(exported / "model.safetensors")
    assert run.settings["start"] == run.parents["superior"].settings["start"] == "objects"
    assert run.parents["superior"].run.group == "aikd/cifar100/preact_resnet18/baseline+start=objects"
    assert run.document()["start"] == {"name": "objects", "folder": str(exported), "sha256": digest}


def test_an_override_starts_every_run_of_the_paper(exported):
    user = config.user({"starts": {"objects": str(exported)}, "override": {"aikd": {"start": "objects"}}})
    run = config.resolve("aikd/cifar100/preact_resnet18/aikd/seed0", user)
    assert run.start == run.parents["superior"].start is not None


def test_the_content_of_the_weights_decides_and_not_their_place(exported, tmp_path):
    before = resolve(exported)
    moved = resolve(shutil.copytree(exported, tmp_path / "elsewhere"))
    assert before.hash == moved.hash
    write(exported, 2.0)
    after = resolve(exported)
    assert after.hash != before.hash and after.parents["superior"].hash != before.parents["superior"].hash


def test_runs_without_a_start_do_not_change(exported):
    name = "aikd/cifar100/preact_resnet18/aikd/seed0"
    plain, named = (config.resolve(name, config.user(changes)) for changes in ({}, {"starts": {"x": str(exported)}}))
    assert plain.hash == named.hash and plain.document() == named.document()


def test_a_run_with_a_start_learns_slower_unless_the_user_says_otherwise(exported):
    assert resolve(exported).settings["lr"] == 0.01
    assert resolve(exported, lr=0.2).settings["lr"] == 0.2
    assert config.resolve("aikd/cifar100/preact_resnet18/aikd/seed0", config.user()).settings["lr"] == 0.1


def test_only_folders_of_the_user_s_have_smaller_batches(tmp_path):
    user = config.user({"folders": {"mine": str(tmp_path)}})
    own, paper = (config.resolve(f"aikd/{name}/resnet18/aikd/seed0", user) for name in ("mine", "cub200"))
    assert own.settings["least_steps"] == 5 and "least_steps" not in paper.settings


@pytest.mark.parametrize(("make", "message"), [
    (lambda folder: folder / "gone", "is no folder"),
    (lambda folder: folder.parent, "has no model.safetensors"),
])  # fmt: skip
def test_a_start_that_is_not_there_is_one_line(exported, make, message):
    with pytest.raises(UserError, match=message):
        resolve(make(exported))


def test_a_start_without_a_name_is_one_line(exported):
    user = config.user({"starts": {"object": str(exported)}})
    with pytest.raises(UserError, match="start is 'objects', which `starts` does not name"):
        config.resolve(RUN.format("aikd"), user)


def test_networks_with_a_beginning_of_their_own_take_no_start(exported):
    user = config.user({"starts": {"objects": str(exported)}})
    with pytest.raises(UserError, match="reactnet18 has a beginning of its own"):
        config.resolve("gip/cifar10/reactnet18/baseline+start=objects/seed0", user)


def train_tiny(root, name, **changes):
    """Train a tiny run in `root`, the working folder; return it and its folder."""
    user = config.user({**changes, "override": {"aikd": TINY | {"epochs": 1, "lr": 1e-9}}})
    run = config.resolve(f"aikd/cifar100/preact_resnet18/{name}", user)
    status, folder, _ = train({**run.document(), "threads": 1}, root / f"results/{user.scale}/runs", root / "data")
    assert status == 0
    return run, RunFolder(folder)


def test_a_training_begins_with_the_weights_and_records_them(tmp_path, monkeypatch):
    """At a vanishing rate, all trained weights but the last layer's are those of the start."""
    make_store(tmp_path / "data")
    (tmp_path / "config").symlink_to(Path("config").resolve())
    monkeypatch.chdir(tmp_path)
    _, trained = train_tiny(tmp_path, "baseline/seed7")
    starts = {"starts": {"objects": str(trained.path)}}
    _, superior = train_tiny(tmp_path, "baseline+start=objects/seed0", **starts)
    run, student = train_tiny(tmp_path, "aikd+start=objects/seed0", **starts)
    weights = trained.weights("model.safetensors")
    for folder in (superior, student):
        taken = folder.weights("model.safetensors")
        same = {name for name, value in taken.items() if value.ndim == 4 and torch.allclose(value, weights[name])}
        assert same == {name for name, value in weights.items() if value.ndim == 4}
        digest = sha256(trained.path / "model.safetensors")
        assert folder.provenance()["data"]["start"] == {"name": "objects", "sha256": digest}
    assert ("start", f"began with the weights of objects, sha256 {digest}") in start_facts(
        student.provenance()["data"]["start"]
    )
    heads = [
        [value for value in folder.weights("model.safetensors").values() if value.ndim == 2]
        for folder in (trained, superior, student)
    ]
    assert not torch.allclose(heads[0][0], heads[1][0]) and not torch.allclose(heads[1][0], heads[2][0])
    assert state_of(run).kind is Kind.DONE

    changed = {name: value + 1 for name, value in weights.items()}
    save_file(changed, trained.path / "model.safetensors")
    user = config.user({**starts, "override": {"aikd": TINY | {"epochs": 1, "lr": 1e-9}}})
    assert state_of(config.resolve(str(run.run), user)).kind is Kind.STALE
    stale = {**run.document(), "threads": 1, "config_hash": "0" * 12}
    with pytest.raises(UserError, match="changed since"):
        train(stale, tmp_path / "results/smoke/runs", tmp_path / "data")
