import importlib.metadata
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from advkd import doctor
from advkd.report.document import tex as document_tex
from advkd.settings import config


def states(**changes):
    return {one.name: one for one in doctor.checks(config.user(changes))}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A checkout without data or results."""
    for name in ("config", "paper", "requirements.lock"):
        (tmp_path / name).symlink_to(Path(name).resolve())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_smoke_scale_needs_nothing(elsewhere):
    words, ready = doctor.report(config.user({"scale": "smoke"}))
    assert ready and re.search(r"scale smoke: ready(, with \d+ notes?)?$", words) and "FID network" not in words
    assert states(scale="smoke")["cifar10"].found == "drawn on the spot"


def test_notes_are_counted_and_each_says_what_to_do(elsewhere, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.12.1")
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda process: {0}, raising=False)
    (elsewhere / "requirements.lock").unlink()
    notes = [one for one in doctor.checks(config.user({"scale": "paper"})) if one.state == "note"]
    words, ready = doctor.report(config.user({"scale": "paper"}))
    assert ready and words.endswith(f"scale paper: ready, with {len(notes)} notes") and len(notes) > 7
    for one in notes:
        assert any(
            remedy in one.found for remedy in ("--config", "make env", "apt install", "run advkd", "use", "free")
        )
    assert next(one for one in notes if one.name == "device").found.endswith("or --config scale=reduced here")


def test_the_locked_packages_are_compared(elsewhere, monkeypatch):
    assert doctor.packages().state == "ok"
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1" if name == "numpy" else version(name))
    found = doctor.packages()
    assert found.state == "note" and "numpy 0.1 (==" in found.found

    def lacking(name):
        if name == "tqdm":
            raise importlib.metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", lacking)
    assert "tqdm missing (==" in doctor.packages().found
    (elsewhere / "requirements.lock").unlink()
    assert doctor.packages().state == "note"


def test_real_data_are_found_or_announced(elsewhere):
    found = states(scale="paper")
    assert found["codebrim"].state == "note" and "about 7.8 GB" in found["codebrim"].found
    assert "to be downloaded" in found["FID network"].found
    mirror = elsewhere / "mirror"
    (mirror / "cifar-10-batches-py").mkdir(parents=True)
    found = states(scale="paper", mirror=str(mirror))
    assert found["cifar10"].found == f"in the mirror: {mirror / 'cifar-10-batches-py'}"
    assert "holds neither the archive CODEBRIM_original_images.zip" in found["codebrim"].found
    (elsewhere / "data" / "archives").mkdir(parents=True)
    (elsewhere / "data" / "archives" / "cifar10.json").write_text('{"verified": "published checksum"}')
    assert states(scale="paper")["cifar10"].found == "found before: published checksum"


def test_what_is_wrong_makes_the_status_1(elsewhere, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words, ready = doctor.report(config.user({"device": "cuda"}))
    assert not ready and "--config device=cpu" in words and words.endswith("1 to put right")
    found = states(folders={"mine": "/nowhere"}, runs=["gip/mine/resnet18/gip/seed0"])
    assert (found["mine"].state, found["mine"].found) == ("wrong", "/nowhere is no folder: correct `folders`")


def test_missing_tex_is_a_note_that_names_the_packages(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None if name == "latexmk" else name)
    assert doctor.tex().state == "note" and "no latexmk, " in doctor.tex().found
    assert document_tex.PACKAGES in doctor.tex().found


def test_a_mirror_that_is_not_there_and_a_missing_torch_are_wrong(elsewhere, monkeypatch):
    assert states(scale="paper", mirror="/nowhere")["cifar10"].state == "wrong"
    monkeypatch.setitem(sys.modules, "torch", None)
    found = doctor.device(config.user())
    assert found.state == "wrong" and "torch cannot be imported" in found.found


def test_a_full_disk_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    assert "has no room" in doctor.space("data folder", tmp_path).found
