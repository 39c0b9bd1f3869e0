"""No command changes or deletes other files: beside its output, behind links, or in a user's folder."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
import small_workflows as small
from PIL import Image

from advkd.cli import main
from advkd.data.store import Store
from checkouts import copy_checkout

PRECIOUS = {"thesis.tex": "years of work", "photos/holiday.jpg": "sun", ".hidden": "kept", "a.tmp": "kept"}


def fill(folder, contents=PRECIOUS):
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def tree(folder):
    """Return the content of `folder` by path: bytes of files, targets of links, None for folders."""
    found = {}
    for path in folder.rglob("*"):
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(folder))] = content
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkout with a finished training and its data, beside a folder of precious files."""
    place = tmp_path_factory.mktemp("whole")
    fill(place / "home")
    with contextlib.chdir(copy_checkout(place / "checkout")):
        small.prepare()
        assert main(["train", small.RUN, *small.CONFIG]) == 0
    return place


@pytest.fixture
def home(whole, tmp_path, monkeypatch):
    """The folder of precious files beside a copy of the checkout, which is the working folder."""
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True, symlinks=True)
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "home"


def store_words(out):
    run = small.resolved()
    made = f"data/made/codebrim-{small.SETTINGS['made_photos']}.json"
    return ["prepare", made, "--settings", json.dumps(run.store_settings), "--out", str(out)]


WRITING = {
    "table": ["table", "okd_table1"],
    "figure": ["figure", "okd_figure3"],
    "tensorboard": ["tensorboard", small.RUN],
    "claims": ["claims"],
    "deviations": ["deviations"],
    "reals": ["reals", "STORE", "--features", "random_inception64"],
    "draw": ["draw", "cifar10", "--size", "2"],
    "train": ["train", small.RUN],
}
FILES = {"claims": "claims.md", "deviations": "deviations.md", "draw": "drawn.json"}


def test_commands_write_only_where_they_are_asked_to(home, capfd):
    (store,) = Path("data/stores").glob("codebrim-*")
    everything = tree(home.parent)
    for name, words in WRITING.items():
        words = [str(store) if word == "STORE" else word for word in words]
        out = [] if name == "train" else ["--out", str(home / FILES.get(name, "."))]
        settings = small.CONFIG if name in ("table", "figure", "tensorboard", "train") else []
        assert main([*words, *out, *settings]) == 0, capfd.readouterr().err
    assert main(["synthesize", small.RUN, "--count", "2", "--out", "images", *small.CONFIG]) == 0
    after = tree(home.parent)
    assert everything.items() <= after.items() | log(everything, after)
    new = after.keys() - everything.keys()
    assert all(name.startswith(("home/", "checkout/images")) for name in new), new
    expected = {"okd_table1.csv", "okd_figure3.pdf", "claims.md", "deviations.md", "reals.npz", "meta.json", "drawn"}
    assert expected <= {name.split("/")[1] for name in new if name.startswith("home/")}


def log(before, after):
    """Return the path and the old content of a run's log, to which lines may have been appended."""
    name = f"checkout/{small.FOLDER}/log.txt"
    assert after[name].startswith(before[name])
    return {(name, before[name])}


def test_a_folder_that_is_no_store_is_not_replaced(home, capfd):
    before = tree(home)
    assert main(store_words(home)) == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert str(home) in said and "advkd prepare:" in said
    assert tree(home) == before
    assert {path.name for path in home.parent.iterdir()} == {"home", "checkout"}


def test_a_file_is_not_replaced_by_a_store(home, capfd):
    assert main(store_words(home / "thesis.tex")) == 2
    assert (home / "thesis.tex").read_text() == PRECIOUS["thesis.tex"]


def test_a_store_with_a_file_of_the_users_in_it_is_not_replaced(home, capfd):
    (store,) = Path("data/stores").glob("codebrim-*")
    (store / "notes.txt").write_text("mine")
    assert main(store_words(store)) == 2
    assert (store / "notes.txt").read_text() == "mine" and Store.open(store)


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "a store", "half a store"])
def test_a_store_replaces_a_store(home, before):
    (store,) = Path("data/stores").glob("codebrim-*")
    new = home / "store"
    if before == "an empty folder":
        new.mkdir()
    elif before != "nothing":
        shutil.copytree(store, new)
    if before == "half a store":
        (new / "meta.json").unlink()
    assert main(store_words(new)) == 0
    assert tree(new) == tree(store)


@pytest.mark.parametrize("inside", [True, False])
def test_a_store_behind_a_link(home, capfd, inside):
    """As with data on another disk: the link stays, and its target is treated as if it were named."""
    (store,) = Path("data/stores").glob("codebrim-*")
    if inside:
        shutil.move(store, home / "store")
    before = tree(home)
    shutil.rmtree(store, ignore_errors=True)
    store.symlink_to(home / "store" if inside else home)
    assert main(store_words(store)) == (0 if inside else 2)
    assert tree(home) == before and store.is_symlink()
    assert [path.name for path in store.parent.iterdir()] == [store.name]


LINKED = (".lock", "scratch", "model.safetensors", "samples.npz", "result.json", "history.csv", "checkpoint.pt",
          "metrics.json", ".old.tmp")  # fmt: skip


@pytest.mark.parametrize("finished", [True, False])
def test_links_in_a_runs_folder_are_not_followed(home, finished):
    """A folder of results that was copied from elsewhere may hold links to a user's files."""
    folder = small.FOLDER
    if not finished:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(home if name == "scratch" else home / "thesis.tex")
    before = tree(home)
    assert main(["train", small.RUN, *small.CONFIG]) in (0, 2)
    assert tree(home) == before


def test_a_runs_folder_that_is_a_link(home):
    """Only a training's own files are written or deleted in it."""
    shutil.rmtree(small.FOLDER)
    small.FOLDER.symlink_to(home)
    (home / ".old.tmp.d").mkdir()
    before = tree(home)
    assert main(["train", small.RUN, *small.CONFIG]) == 0
    after = tree(home)
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {*small.PRODUCTS, "config.yaml", "provenance.json", "log.txt", ".lock"}


def test_a_folder_of_images_is_only_read(home, tmp_path):
    for kind in ("crack", "rust"):
        (home / "images" / kind).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (70, 70)).save(home / "images" / kind / f"{number}.png")
    before = tree(home)
    settings = json.dumps({"dataset": "mine", "data": "folder", "held_out": 0.3, "data_seed": 0, "stored_size": 16})
    assert main(["prepare", str(home / "images"), "--settings", settings, "--out", "data/stores/mine-00000000"]) == 0
    assert tree(home) == before
    assert main(["prepare", str(home / "images"), "--settings", settings, "--out", str(home / "images")]) == 2
    assert tree(home) == before
