import fcntl
import json

import numpy as np
import pytest

from advkd.errors import UserError
from advkd.files import sha256, write_json
from advkd.runs import folder as folders
from advkd.runs.code import gan_evaluation_code
from advkd.runs.folder import Damaged, RunFolder
from advkd.runs.state import Kind

RUN = "aikd/cifar100/preact_resnet18/baseline/seed0"
REMEDY = f"delete result.json beside it, then: advkd train {RUN}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = RunFolder.of(RUN, "smoke")
    found.path.mkdir(parents=True)
    return found


def finish(folder, **changes):
    labels = np.arange(6) % 3
    folder.write_arrays(
        folders.PREDICTIONS, {"labels": labels, "logits": np.eye(3)[labels], "features": np.ones((6, 2), np.float16)}
    )
    folder.write_provenance({"code": "today", "data": {}, "result": {}})
    folder.write_result({"status": "done", "config_hash": "a", "sha256": folder.checksums(folders.PRODUCTS), **changes})


def test_a_folder_knows_its_run(folder, tmp_path):
    assert folder.run == RUN and str(folder.path) == f"results/smoke/runs/{RUN}"
    assert RunFolder(tmp_path).run == str(tmp_path), "no run's name"


def test_readers_return_what_writers_wrote(folder):
    folder.write_document({"run": RUN, "settings": {"lr": 0.1}})
    finish(folder)
    assert folder.document()["settings"] == {"lr": 0.1}
    labels, logits, features = folder.predictions("logits", "features")
    assert labels.tolist() == [0, 1, 2, 0, 1, 2] and logits.shape == (6, 3) and features.dtype == np.float64
    folder.check(folders.PREDICTIONS)
    folder.write_arrays(folders.SAMPLES, {"G1": np.zeros(2), "G2": np.ones(3)})
    with pytest.raises(Damaged, match=r"samples\.npz is not what the run wrote"):
        folder.sample_names()
    finish(folder)
    assert folder.sample_names() == ["G1", "G2"]
    assert [array.shape for array in folder.samples("G2", "G1")] == [(3,), (2,)]


def test_rows_of_a_history_may_have_different_terms(folder):
    folder.write_history([{"epoch": 1, "L": "2"}, {"epoch": 2, "L": "1", "L_KD": "0.5"}, {"epoch": 3, "L_KD": "nan"}])
    assert folder.file(folders.HISTORY).read_text() == "epoch,L,L_KD\n1,2,\n2,1,0.5\n3,,nan\n"
    columns = folder.history()
    assert columns["epoch"] == [1, 2, 3] and columns["L"] == [2, 1, None]
    assert columns["L_KD"][:2] == [None, 0.5] and np.isnan(columns["L_KD"][2])


@pytest.mark.parametrize(
    "content", ["", "epoch,L\n", "epoch,L\n1,2\n2", "L\n1\n", "epoch,L\n1,2,3\n", "epoch,L\n1,x\n"]
)
def test_a_damaged_history_is_one_line_with_its_remedy(folder, content):
    folder.file(folders.HISTORY).write_text(content)
    with pytest.raises(Damaged) as error:
        folder.history()
    assert str(error.value).startswith(f"{folder.file(folders.HISTORY)} cannot be read (")
    assert str(error.value).endswith(REMEDY)


@pytest.mark.parametrize(
    ("read", "name", "content", "reason"),
    [
        (RunFolder.provenance, folders.PROVENANCE, None, "is missing"),
        (RunFolder.provenance, folders.PROVENANCE, "{", "cannot be read (JSONDecodeError: "),
        (RunFolder.provenance, folders.PROVENANCE, "[]", "cannot be read (ValueError: it holds no keys"),
        (RunFolder.provenance, folders.PROVENANCE, "{}", "has no 'code', as a file of another version"),
        (RunFolder.document, folders.CONFIG, None, "is missing"),
        (RunFolder.document, folders.CONFIG, "{[", "cannot be read (ParserError: "),
        (RunFolder.document, folders.CONFIG, "", "cannot be read (ValueError: it holds no keys"),
        (lambda run: run.samples("G1"), folders.SAMPLES, None, "is missing"),
        (lambda run: run.samples("G1"), folders.SAMPLES, "PK", "cannot be read ("),
        (lambda run: run.predictions("logits"), folders.PREDICTIONS, None, "is missing"),
    ],
)
def test_what_is_wrong_with_a_file_and_what_to_do(folder, read, name, content, reason):
    if content is not None:
        folder.file(name).write_text(content)
    with pytest.raises(Damaged) as error:
        read(folder)
    assert str(error.value).startswith(f"{folder.file(name)} {reason}") and str(error.value).endswith(f": {REMEDY}")
    assert "\n" not in str(error.value)


def test_other_files_have_remedies_of_their_own(folder):
    for name, read, remedy in (
        (folders.RESULT, folder.result, f"delete it, then: advkd train {RUN}"),
        (folders.METRICS, folder.metrics, "delete it, and the next snakemake evaluates the run again"),
        ("scratch/early.npz", lambda: folder.scratch_samples("early", ["G1"]),
         f"delete the run's folder {folder.path}, then: advkd train {RUN}"),
    ):  # fmt: skip
        with pytest.raises(Damaged) as error:
            read()
        assert str(error.value) == f"{folder.file(name)} is missing: {remedy}"


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"logits": np.zeros((2, 2))}, "has no array 'labels', as a file of another version"),
        ({"labels": np.zeros(2), "logits": np.zeros((2, 2))}, "has labels of type float64"),
        ({"labels": np.arange(2), "logits": np.zeros((3, 2))}, "has logits of type float64 and shape (3, 2) for 2 lab"),
        ({"labels": np.arange(2), "logits": np.full((2, 2), np.nan)}, "has logits that are not finite for 2 of 2 imag"),
    ],
)
def test_damaged_predictions(folder, arrays, reason):
    folder.write_arrays(folders.PREDICTIONS, arrays)
    with pytest.raises(Damaged) as error:
        folder.predictions("logits")
    assert str(error.value).startswith(f"{folder.file(folders.PREDICTIONS)} {reason}")
    assert str(error.value).endswith(REMEDY)


def test_images_of_one_class_measure_nothing(folder):
    folder.write_arrays(folders.PREDICTIONS, {"labels": np.ones(2, int), "logits": np.zeros((2, 2))})
    with pytest.raises(UserError, match="all of one class, which measures nothing"):
        folder.predictions("logits")


def test_a_changed_product_is_told(folder):
    finish(folder)
    assert folder.intact(folder.result()["sha256"])
    folder.file(folders.PREDICTIONS).write_bytes(b"other")
    assert not folder.intact(folder.result()["sha256"])
    with pytest.raises(Damaged, match=r"predictions\.npz is not what the run wrote") as error:
        folder.check(folders.PREDICTIONS)
    assert str(error.value).endswith(REMEDY)
    with pytest.raises(Damaged, match=r"model\.safetensors is missing"):
        folder.check(folders.MODEL)


def state(folder, config_hash="a", code="today"):
    return folder.state(config_hash, code)


def test_the_states_of_a_run(folder, monkeypatch):
    assert str(state(folder)) == "not started"
    folder.file(folders.LOG).write_text("begun\nstep 3\n")
    assert str(state(folder)) == f"unfinished: no checkpoint; see {folder.file('log.txt')} (step 3)"
    folder.file(folders.CHECKPOINTS[0]).touch()
    assert state(folder).detail.startswith("a checkpoint is kept")
    folder.write_result({"status": "diverged", "step": 3, "epoch": 2, "config_hash": "a", "sha256": {}})
    assert str(state(folder)) == f"diverged: at epoch 2; see {folder.file('log.txt')}"
    blocked = {"status": "blocked", "parent": "P", "reason": "diverged at step 3"}
    folder.write_result({**blocked, "config_hash": "a", "sha256": {}})
    assert str(state(folder)) == "blocked: P diverged at step 3" and state(folder).finished
    finish(folder)
    assert str(state(folder)) == "done" and state(folder).done
    assert state(folder, config_hash="b").kind == Kind.STALE and not state(folder, config_hash="b").finished
    assert str(state(folder, code="b")) == "done (older code): train it again with --config retrain=stale"
    assert state(folder, code="b").done


def test_a_training_that_works_is_running(folder):
    with folder.locked():
        assert str(state(folder)) == "running: starting"
    assert state(folder).kind == Kind.NOT_STARTED
    with folder.file(folders.LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert state(folder).kind == Kind.NOT_STARTED, "others look at the lock too"


def test_a_gan_is_evaluated_by_some_code(folder):
    finish(folder, sha256={folders.SAMPLES: "0"})
    folder.file(folders.SAMPLES).touch()
    assert state(folder).kind == Kind.DONE
    metrics = {"values": {}, "meta": {"features": None}, "evaluated": {"code": gan_evaluation_code()}}
    folder.write_metrics(metrics)
    assert state(folder).kind == Kind.DONE
    for code in ("today", "another"):
        assert str(folder.state("a", code, "inception")).startswith("done (evaluated on other features): ")
    folder.write_metrics({**metrics, "evaluated": {"code": "old"}})
    assert str(state(folder)) == "done (evaluated by older code): evaluate it again with --config retrain=stale"
    folder.write_metrics({"values": {}})
    assert state(folder).kind == Kind.DAMAGED
    assert state(folder).detail.endswith("delete it, and the next snakemake evaluates the run again")


@pytest.mark.parametrize("name", [folders.RESULT, folders.PROVENANCE, folders.PREDICTIONS])
def test_a_damaged_run(folder, name):
    finish(folder)
    if name == folders.RESULT:
        folder.file(name).write_text("{")
    else:
        folder.file(name).unlink()
    found = state(folder)
    assert found.kind == Kind.DAMAGED and str(folder.file(name)) in found.detail and "advkd train" in found.detail


def test_a_classifier_s_metrics_stand_for_its_predictions(folder):
    finish(folder)
    folder.file(folders.PREDICTIONS).unlink()
    folder.write_metrics({"values": {}})
    assert state(folder).kind == Kind.KEPT, "as in an archive of results"
    folder.write_metrics({"no": "values"})
    assert state(folder).kind == Kind.DAMAGED


def test_only_what_describes_an_earlier_training_is_removed(folder):
    finish(folder)
    folder.write_scratch_samples("early", {"G1": np.zeros(1)})
    for name in (folders.LOG, folders.CONFIG, ".model.safetensors.tmp.safetensors"):
        folder.file(name).touch()
    folder.remove_half_written()
    folder.remove_products()
    assert sorted(path.name for path in folder.path.iterdir()) == [folders.CONFIG, folders.LOG]


def test_result_json_is_plain_json(folder):
    folder.write_result({"status": "done", "config_hash": "a", "sha256": {}})
    assert json.loads(folder.file(folders.RESULT).read_text())["status"] == "done"
    write_json(folder.file(folders.RESULT), {"status": "done"})
    with pytest.raises(Damaged, match="has no 'config_hash'"):
        folder.result()
    assert folder.checksums(folders.PRODUCTS) == {}
    folder.file(folders.MODEL).write_bytes(b"w")
    assert folder.checksums(folders.PRODUCTS) == {folders.MODEL: sha256(folder.file(folders.MODEL))}
