"""Loading a pickle can run any code: a pickle in place of another file is refused in one line and not executed."""

import contextlib
import hashlib
import io
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import small_workflows as small
import torch

from advkd import files
from advkd.cli import main
from advkd.runs import checkpoint
from checkouts import copy_checkout


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkout with a finished training, its data and their features."""
    place = copy_checkout(tmp_path_factory.mktemp("whole") / "checkout")
    with contextlib.chdir(place):
        small.prepare()
        assert main(["train", small.RUN, *small.CONFIG]) == 0
        (store,) = Path("data/stores").glob("codebrim-*")
        assert main(["reals", str(store), "--features", "random_inception64", "--out", "reals"]) == 0
    return place


@pytest.fixture
def finished(whole, tmp_path, monkeypatch):
    """The training's folder in a copy of the checkout, which is the working folder."""
    monkeypatch.chdir(shutil.copytree(whole, tmp_path / "checkout"))
    return small.FOLDER


@pytest.fixture
def canary(tmp_path):
    """A file that a payload creates when it runs; it must not exist after a test."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "it was executed"


class Payload:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def saved(canary):
    file = io.BytesIO()
    torch.save({"identity": Payload(canary), "weight": torch.zeros(2)}, file)
    return file.getvalue()


def loose(canary):
    file = io.BytesIO()
    torch.save({"weight": Payload(canary)}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


FORMS = {"pickle": lambda canary: pickle.dumps(Payload(canary)), "torch": saved, "torch before 1.6": loose}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def refusal(words, capfd):
    """Run a command that must be refused; return its line of error."""
    status = main(words)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith(f"advkd {words[0]}: ")]
    assert status == 2 and len(lines) == 1, (status, lines)
    return lines[0]


@forms
def test_a_payload_runs_where_it_is_loaded_without_care(tmp_path, form):
    """This shows that the other tests can fail."""
    with contextlib.suppress(Exception):
        torch.load(io.BytesIO(form(tmp_path / "canary")), weights_only=False)
    assert (tmp_path / "canary").exists()


@forms
def test_as_inception_weights(checkout, canary, capfd, form):
    Path("weights.pth").write_bytes(form(canary))
    settings = ["--config", "inception_weights=weights.pth"]
    assert "expected sha256:6726825d" in refusal(["fetch-inception", "--out", "x.pth", *settings], capfd)
    assert not Path("x.pth").exists()


@forms
def test_as_weights_of_the_features_and_of_the_metrics(finished, canary, capfd, form):
    Path("weights.pth").write_bytes(form(canary))
    (store,) = Path("data/stores").glob("codebrim-*")
    words = ["--weights", "weights.pth", "--out", "x"]
    assert "not pytorch-fid's Inception" in refusal(["reals", str(store), "--features", "inception", *words], capfd)


@forms
@pytest.mark.parametrize("signed", [True, False])
def test_as_a_checkpoint(finished, canary, capfd, form, signed):
    before = {name: (finished / name).read_bytes() for name in small.PRODUCTS}
    for name in ("result.json", "provenance.json"):
        (finished / name).unlink()
    content = form(canary)
    for name in checkpoint.CHECKPOINTS:
        (finished / name).write_bytes(content + hashlib.sha256(content).hexdigest().encode() * signed)
    assert main(["train", small.RUN, *small.CONFIG]) == 0
    assert "damaged" in capfd.readouterr().err
    assert {name: (finished / name).read_bytes() for name in small.PRODUCTS} == before


@pytest.mark.parametrize("state", [["a", "list"], {"no": "identity"}, None, 3])
def test_a_checkpoint_of_other_things_is_damaged(finished, capfd, state):
    for name in ("result.json", "provenance.json"):
        (finished / name).unlink()
    file = io.BytesIO()
    torch.save(state, file)
    content = file.getvalue()
    (finished / checkpoint.CHECKPOINTS[0]).write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    assert main(["train", small.RUN, *small.CONFIG]) == 0
    assert "damaged" in capfd.readouterr().err


@forms
def test_as_a_generators_weights(finished, canary, capfd, form):
    (finished / "model.safetensors").write_bytes(form(canary))
    words = ["synthesize", small.RUN, "--count", "1", "--out", "images", *small.CONFIG]
    assert "model.safetensors" in refusal(words, capfd)
    assert not Path("images").exists()


def hostile(canary):
    return np.array([Payload(canary)] * 4, dtype=object)


@pytest.mark.parametrize("packed", [True, False])
def test_as_samples(finished, canary, capfd, packed):
    if packed:
        np.savez(finished / "samples.npz", G1=hostile(canary), allow_pickle=True)
    else:
        (finished / "samples.npz").write_bytes(pickle.dumps(Payload(canary)))
    words = ["evaluate", small.RUN, "--reals", "reals", "--out", "metrics.json", *small.CONFIG]
    assert "samples.npz" in refusal(words, capfd) and not Path("metrics.json").exists()


def test_as_an_array_of_a_store(finished, canary, capfd):
    (store,) = Path("data/stores").glob("codebrim-*")
    np.save(store / "labels.npy", hostile(canary), allow_pickle=True)
    assert "not what was prepared" in refusal(["train", small.RUN, *small.CONFIG], capfd)
    meta = files.without_digest(files.read_json(store / "meta.json"))
    meta["sha256"]["labels.npy"] = files.sha256(store / "labels.npy")
    files.write_json(store / "meta.json", files.with_digest(meta))
    assert "is damaged" in refusal(["train", small.RUN, *small.CONFIG], capfd)


TAG = "!!python/object/apply:os.system ['touch {}']"


def test_as_yaml_tags(finished, canary, capfd):
    tag = TAG.format(canary)
    assert main(["status", "--config", f"folders={tag}"]) == 2
    assert "--config: folders is" in capfd.readouterr().err
    (finished / "config.yaml").write_text(f"settings: {tag}\n")
    refusal(["synthesize", small.RUN, "--count", "1", "--out", "images"], capfd)
    Path("paper/claims.yaml").write_text(f"okd: {tag}\n")
    refusal(["claims"], capfd)
