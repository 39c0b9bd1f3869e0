"""What is known of the prepared data set of a run."""

import json
from pathlib import Path

import pytest

from advkd.artifacts.data_sources import describe_data
from advkd.data.preparing_code import CROPS, IMAGES, preparing_code
from advkd.report.status import store_lines
from advkd.runs.stores import DataChecks, made_by_older_code, outdated, store_of
from advkd.settings import catalog, config

RUN = "aikd/mine/resnet18/baseline/seed0"


def lines(user):
    return store_lines(catalog.all_runs(user), user)


@pytest.fixture
def folder_user(tmp_path):
    (tmp_path / "images").mkdir()
    folders = {"mine": str(tmp_path / "images")}
    return config.user({"folders": folders, "data_root": str(tmp_path / "data"), "runs": [RUN]})


def write_store(user, **changed):
    resolved = config.resolve(RUN, user)
    store = store_of(resolved, user)
    store.mkdir(parents=True, exist_ok=True)
    meta = {"source": {"content": "0" * 64}, "code": preparing_code(IMAGES, drawn=False), **changed}
    (store / "meta.json").write_text(json.dumps(meta))
    return resolved


def test_a_store_that_does_not_exist_is_not_outdated(folder_user):
    resolved = config.resolve(RUN, folder_user)
    assert outdated(resolved, folder_user) == "" and not made_by_older_code(resolved, folder_user)
    assert lines(folder_user) == []


def test_a_store_of_another_folder_is_told(folder_user):
    resolved = write_store(folder_user)
    assert "changed, or is another one" in outdated(resolved, folder_user)
    assert any(line.startswith(f"data set {resolved.store}: ") for line in lines(folder_user))
    Path(folder_user.folders["mine"]).rmdir()
    assert "images that `folders` names for mine is gone" in outdated(resolved, folder_user)


@pytest.mark.parametrize("code", ["0" * 12, None])
def test_a_store_of_older_code_is_told(folder_user, monkeypatch, code):
    resolved = write_store(folder_user, code=code)
    assert made_by_older_code(resolved, folder_user)
    monkeypatch.setattr("advkd.report.status.outdated", lambda *_: "")
    assert any("counts, though the code that prepares it changed since; --config retrain=stale" in line
               for line in lines(folder_user))  # fmt: skip
    write_store(folder_user)
    assert not made_by_older_code(resolved, folder_user) and lines(folder_user) == []


def test_a_damaged_meta_json_is_told_and_made_again(folder_user):
    """The Snakefile makes again what is outdated."""
    resolved = write_store(folder_user, schema=2)
    reason = "meta.json has no digest, as that of an earlier version: delete the folder and prepare the data again"
    assert outdated(resolved, folder_user).endswith(reason) and not made_by_older_code(resolved, folder_user)
    assert any(line.endswith(reason) for line in lines(folder_user))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": "cub200"}, "holds cub200, not mine: delete the folder"),
        ({"settings": {"stored_size": 7}}, "was prepared with stored_size 7, not "),
        ({"settings": {"classes": 3}}, "was prepared with classes 3, not None"),
    ],
)
def test_a_copy_of_another_store_is_told_and_made_again(folder_user, changed, reason):
    """Outdated stores are those that the Snakefile prepares again."""
    resolved = write_store(folder_user, name="mine")
    assert reason not in outdated(resolved, folder_user)
    write_store(folder_user, **changed)
    assert reason in outdated(resolved, folder_user)
    assert any(reason in line for line in lines(folder_user))


def fail(*_):
    raise PermissionError(13, "Permission denied", "/home/somebody/images")


@pytest.mark.parametrize("changed", [{"name": "cub200"}, {"settings": {"classes": 3}}, {"schema": 2}, {}])
@pytest.mark.parametrize("folder", ["changed", "gone", "unreadable"])
def test_no_reason_names_a_path(folder_user, tmp_path, monkeypatch, changed, folder):
    """Reasons stand in captions, which are published."""
    resolved = write_store(folder_user, **{"name": "mine", **changed})
    if folder == "gone":
        Path(folder_user.folders["mine"]).rmdir()
    if folder == "unreadable":
        monkeypatch.setattr("advkd.data.folder_source.seen_content", fail)
    for reason in (outdated(resolved, folder_user), DataChecks(folder_user).caution(resolved)):
        assert reason and str(tmp_path) not in reason and "/home" not in reason


def test_no_reason_names_the_path_of_what_lies_in_a_file_s_place(folder_user, tmp_path):
    resolved = write_store(folder_user)
    path = store_of(resolved, folder_user) / "meta.json"
    path.unlink()
    path.mkdir()
    assert str(tmp_path) not in outdated(resolved, folder_user)


def test_a_caption_tells_data_of_older_code():
    source = {"verified": "published checksum", "content": "0" * 64}
    today = preparing_code(CROPS, drawn=False)
    assert describe_data({"source": source, "code": "0" * 12}).endswith(
        ", prepared before a change of advkd's code, and still counted"
    )
    assert describe_data({"source": source, "code": today}) == describe_data({"source": source})
