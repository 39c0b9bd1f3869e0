import importlib.metadata
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from advkd import doctor
from advkd.report.document import tex
from advkd.settings import config


def checks_by_name(**changes):
    return {check.name: check for check in doctor.check_all(config.user(changes))}


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A checkout without data or results."""
    for name in ("config", "paper", "requirements.lock"):
        (tmp_path / name).symlink_to(Path(name).resolve())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_smoke_scale_needs_nothing(elsewhere):
    text, ready = doctor.report(config.user({"scale": "smoke"}))
    assert ready and re.search(r"scale smoke: ready(, with \d+ notes?)?$", text) and "FID network" not in text
    assert checks_by_name(scale="smoke")["cifar10"].message == "drawn on the spot"


def test_notes_are_counted_and_each_says_what_to_do(elsewhere, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.12.1")
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda process: {0}, raising=False)
    (elsewhere / "requirements.lock").unlink()
    notes = [check for check in doctor.check_all(config.user({"scale": "paper"})) if check.state == "note"]
    text, ready = doctor.report(config.user({"scale": "paper"}))
    assert ready and text.endswith(f"scale paper: ready, with {len(notes)} notes") and len(notes) > 7
    for check in notes:
        assert any(
            remedy in check.message for remedy in ("--config", "make env", "apt install", "run advkd", "use", "free")
        )
    assert next(check for check in notes if check.name == "device").message.endswith("or --config scale=reduced here")


def test_the_locked_packages_are_compared(elsewhere, monkeypatch):
    assert doctor.check_packages().state == "ok"
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1" if name == "numpy" else version(name))
    check = doctor.check_packages()
    assert check.state == "note" and "numpy 0.1 (==" in check.message

    def version_without_tqdm(name):
        if name == "tqdm":
            raise importlib.metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", version_without_tqdm)
    assert "tqdm missing (==" in doctor.check_packages().message
    (elsewhere / "requirements.lock").unlink()
    assert doctor.check_packages().state == "note"


def test_data_in_reach_are_reported_and_downloads_announced(elsewhere):
    checks = checks_by_name(scale="paper")
    assert checks["codebrim"].state == "note" and "about 7.8 GB" in checks["codebrim"].message
    assert "to be downloaded" in checks["FID network"].message
    mirror = elsewhere / "mirror"
    (mirror / "cifar-10-batches-py").mkdir(parents=True)
    checks = checks_by_name(scale="paper", mirror=str(mirror))
    assert checks["cifar10"].message == f"in the mirror: {mirror / 'cifar-10-batches-py'}"
    assert "holds neither the archive CODEBRIM_original_images.zip" in checks["codebrim"].message
    (elsewhere / "data" / "archives").mkdir(parents=True)
    (elsewhere / "data" / "archives" / "cifar10.json").write_text('{"verified": "published checksum"}')
    assert checks_by_name(scale="paper")["cifar10"].message == "fetched before: published checksum"


def test_a_missing_device_or_folder_is_wrong(elsewhere, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    text, ready = doctor.report(config.user({"device": "cuda"}))
    assert not ready and "--config device=cpu" in text and text.endswith("1 to put right")
    checks = checks_by_name(folders={"mine": "/nowhere"}, runs=["gip/mine/resnet18/gip/seed0"])
    assert (checks["mine"].state, checks["mine"].message) == ("wrong", "/nowhere is no folder: correct `folders`")


def test_missing_tex_is_a_note_that_names_the_packages(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None if name == "latexmk" else name)
    assert doctor.check_tex().state == "note" and "no latexmk, " in doctor.check_tex().message
    assert tex.PACKAGES in doctor.check_tex().message


def test_a_missing_mirror_and_a_missing_torch_are_wrong(elsewhere, monkeypatch):
    assert checks_by_name(scale="paper", mirror="/nowhere")["cifar10"].state == "wrong"
    monkeypatch.setitem(sys.modules, "torch", None)
    check = doctor.check_device(config.user())
    assert check.state == "wrong" and "torch cannot be imported" in check.message


def test_a_full_disk_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    assert "has no room" in doctor.check_space("data folder", tmp_path).message


def test_the_package_of_the_feature_network_is_asked_for_where_it_is_needed(elsewhere, monkeypatch):
    assert checks_by_name(scale="reduced")["feature network"].state == "ok"
    assert "feature network" not in checks_by_name(scale="paper")
    monkeypatch.setattr("advkd.metrics.efficientnet.find_spec", lambda name: None)
    check = checks_by_name(scale="reduced")["feature network"]
    assert check.state == "wrong" and "make env" in check.message
