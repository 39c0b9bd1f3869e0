"""The files of a finished run are bound together: a changed value in any of them is told by the reader that owns it."""

import random
import shutil

import pytest
from tiny_runs import document, make_store

from advkd.errors import UserError
from advkd.files import read_json, with_digest, without_digest, write_json
from advkd.runs.__main__ import read_document
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import CONFIG, HISTORY, METRICS, MODEL, PROVENANCE, RESULT, SAMPLES
from advkd.runs.folder_state import recorded_state
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.train import train

SAGAN = "okd/codebrim/sagan/okd/seed0"
CHANGED = "is not what the run wrote (its checksum differs)"
DIGEST = "is not what was written (its digest differs)"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished GAN with metrics."""
    place = tmp_path_factory.mktemp("bound")
    folder = WritableFolder(place / "run")
    assert train(document(SAGAN), folder.path, make_store(place), "cpu", 1000.0) == 0
    made_of = {"sha256": folder.result()["sha256"], "evaluated": {"code": "today"}}
    folder.write_metrics({"status": "done", "values": {"fid.G1": 16.02}, **made_of})
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    shutil.copytree(finished.path, tmp_path / "run")
    return WritableFolder(tmp_path / "run")


def change_json(name, change):
    def spoil(folder):
        content = read_json(folder.file(name))
        change(content)
        write_json(folder.file(name), content)

    return spoil


def change_text(name, old, new):
    def spoil(folder):
        text = folder.file(name).read_text()
        assert old in text
        folder.file(name).write_text(text.replace(old, new, 1))

    return spoil


CHANGES = {
    "a halved FID": (METRICS, change_json(METRICS, lambda c: c["values"].update({"fid.G1": 8.01})), DIGEST),
    "metrics without a digest": (METRICS, change_json(METRICS, lambda c: c.pop("digest")), DIGEST),
    "a setting": (CONFIG, change_text(CONFIG, "rho: 1", "rho: 2"), CHANGED),
    "a loss": (HISTORY, change_text(HISTORY, "\n", "\n0,"), CHANGED),
    "a time": (PROVENANCE, change_json(PROVENANCE, lambda c: c.update(wall_seconds=1.0)), DIGEST),
    "a number of steps": (RESULT, change_json(RESULT, lambda c: c.update(steps=50000)), "differs from the copy in"),
    "a version": (RESULT, change_json(RESULT, lambda c: c.update(schema=0)), "differs from the copy in"),
    "a provenance's version": (PROVENANCE, change_json(PROVENANCE, lambda c: c.update(schema=0)), DIGEST),
    "a checksum": (
        RESULT,
        change_json(RESULT, lambda c: c["sha256"].update({MODEL: "0"})),
        "differs from the copy in",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told(folder, change):
    name, spoil, reason = CHANGES[change]
    spoil(folder)
    with pytest.raises(Damaged) as caught:
        readers(folder)[name]()
    assert str(caught.value).startswith(f"{folder.file(name)} {reason}")


def readers(folder):
    return {
        CONFIG: folder.document,
        HISTORY: folder.history,
        PROVENANCE: folder.provenance,
        RESULT: folder.result,
        METRICS: folder.metrics,
        MODEL: lambda: folder.check(MODEL),
        SAMPLES: lambda: folder.check(SAMPLES),
    }


@pytest.mark.parametrize("name", [CONFIG, HISTORY, PROVENANCE, RESULT, METRICS, MODEL, SAMPLES])
def test_no_flipped_byte_passes(folder, name):
    """A changed byte is told, or changes nothing that is read, as a space between two values of a JSON file."""
    content, read = folder.file(name).read_bytes(), readers(folder)[name]
    expected = read()
    places = random.Random(0).sample(range(len(content)), min(200, len(content)))
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        folder.file(name).write_bytes(bytes(flipped))
        try:
            value = read()
        except Damaged:
            continue
        assert value == expected and name in (PROVENANCE, RESULT, METRICS), (name, place)


def test_metrics_of_another_training_are_told(folder):
    """The metrics themselves are intact."""
    metrics = folder.metrics()
    folder.write_metrics({**metrics, "sha256": {**metrics["sha256"], SAMPLES: "0" * 64}})
    with pytest.raises(Damaged, match=r"metrics\.json belongs to another training"):
        folder.metrics()


def test_a_training_begins_again_where_a_record_was_changed(folder, finished, tmp_path):
    """The remedy that the error names, to delete result.json and train, does not bring the damaged file back."""
    CHANGES["a loss"][1](folder)
    folder.file(RESULT).unlink()
    doc, data_root = finished.document(), finished.path.parent
    assert train(doc, folder.path, data_root, "cpu", 1000.0) == 0
    assert folder.history() == finished.history() and len(folder.provenance()["attempts"]) == 1
    assert folder.result()["sha256"] == finished.result()["sha256"]


def test_what_a_process_removed_is_restored_without_training(folder, finished):
    written = folder.file(RESULT).read_bytes()
    folder.file(RESULT).unlink()
    before = folder.file(MODEL).stat().st_mtime_ns
    assert train(finished.document(), folder.path, finished.path.parent, "cpu", 1000.0) == 0
    assert folder.file(RESULT).read_bytes() == written and folder.file(MODEL).stat().st_mtime_ns == before


def test_a_folder_of_version_0_1_0_has_nothing_to_compare(folder):
    for name in (PROVENANCE, RESULT, METRICS):
        content = read_json(folder.file(name))
        for old in (content, content.get("result", {})):
            for key in ("schema", "records", "digest"):
                old.pop(key, None)
        write_json(folder.file(name), content)
    CHANGES["a loss"][1](folder)
    assert folder.result() and folder.provenance() and folder.metrics() and folder.document()


def test_a_config_whose_settings_were_changed_is_not_trained(finished, tmp_path):
    """`python -m advkd.runs` trains what a config.yaml says, under the hash that it says."""
    config = tmp_path / "config.yaml"
    shutil.copy(finished.file(CONFIG), config)
    assert read_document(config) == finished.document()
    config.write_text(config.read_text().replace("rho: 1", "rho: 2"))
    with pytest.raises(UserError, match="its settings were changed: they do not have its config_hash"):
        read_document(config)


def test_equal_data_from_another_archive_are_trained_once(folder, finished, tmp_path):
    """What provenance.json says of the data follows the store of today."""
    doc, before = finished.document(), folder.file(MODEL).stat().st_mtime_ns
    stores = tmp_path / "data/stores"
    shutil.copytree(finished.path.parent / "stores", stores)
    meta = stores / doc["store"] / "meta.json"
    content = without_digest(read_json(meta))
    write_json(meta, with_digest({**content, "source": {**content["source"], "kind": "folder"}, "code": "of today"}))
    assert train(doc, folder.path, tmp_path / "data", "cpu", 1000.0) == 0
    data = folder.provenance()["data"]
    assert (data["source"]["kind"], data["code"]) == ("folder", "of today")
    assert folder.file(MODEL).stat().st_mtime_ns == before and len(folder.provenance()["attempts"]) == 1
    assert folder.result() == finished.result()


@pytest.mark.parametrize("gone", [(), (RESULT,), (RESULT, PROVENANCE)])
def test_no_training_replaces_the_files_of_another_run(finished, tmp_path, gone):
    """Snakemake may have removed result.json, which it declares, before the training starts."""
    other = SAGAN.replace("seed0", "seed1")
    folder = RunFolder(tmp_path / other)
    shutil.copytree(finished.path, folder.path)
    for name in gone:
        folder.file(name).unlink()
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(Damaged, match=f"{other} holds the files of {SAGAN}: move them to the folder of that run"):
        train(document(other), folder.path, finished.path.parent, "cpu", 1000.0)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before
    assert str(recorded_state(folder, "0" * 12, "")).startswith(f"damaged: {folder.path} holds the files of {SAGAN}")


def test_a_store_with_the_content_of_another_is_not_trained_on(finished, tmp_path):
    """Its own checksums fit."""
    place = make_store(tmp_path)
    (meta,) = place.glob("stores/*/meta.json")
    write_json(meta, with_digest({**without_digest(read_json(meta)), "name": "mit67"}))
    with pytest.raises(UserError, match=r"holds mit67, not codebrim: delete the folder and prepare the data again"):
        train(document(SAGAN), tmp_path / "run", place, "cpu", 1000.0)
    assert not (tmp_path / "run" / "config.yaml").exists()
