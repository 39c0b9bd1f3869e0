import numpy as np
import pytest
from one_folder import RUN, empty_folder, finish

from advkd.errors import UserError
from advkd.runs import folder_names as names
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder

REMEDY = f"delete result.json beside it, then: advkd train {RUN}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return empty_folder()


def test_a_folder_knows_its_run(folder, tmp_path):
    assert folder.run == RUN and str(folder.path) == f"results/smoke/runs/{RUN}"
    assert RunFolder(tmp_path).run == str(tmp_path), "no run's name"


def test_readers_return_what_writers_wrote(folder):
    folder.write_document({"run": RUN, "settings": {"lr": 0.1}})
    finish(folder)
    assert folder.document()["settings"] == {"lr": 0.1}
    labels, logits, features = folder.predictions("logits", "features")
    assert labels.tolist() == [0, 1, 2, 0, 1, 2] and logits.shape == (6, 3) and features.dtype == np.float64
    folder.check(names.PREDICTIONS)
    folder.write_arrays(names.SAMPLES, {"G1": np.zeros(2), "G2": np.ones(3)})
    with pytest.raises(Damaged, match=r"samples\.npz is not what the run wrote"):
        folder.sample_names()
    finish(folder)
    assert folder.sample_names() == ["G1", "G2"]
    assert [array.shape for array in folder.samples("G2", "G1")] == [(3,), (2,)]


@pytest.mark.parametrize(
    "content", ["", "epoch,L\n", "epoch,L\n1,2\n2", "L\n1\n", "epoch,L\n1,2,3\n", "epoch,L\n1,x\n"]
)
def test_a_damaged_history_is_one_line_with_its_remedy(folder, content):
    folder.file(names.HISTORY).write_text(content)
    with pytest.raises(Damaged) as error:
        folder.history()
    assert str(error.value).startswith(f"{folder.file(names.HISTORY)} cannot be read (")
    assert str(error.value).endswith(REMEDY)


@pytest.mark.parametrize(
    ("read", "name", "content", "reason"),
    [
        (RunFolder.provenance, names.PROVENANCE, None, "is missing"),
        (RunFolder.provenance, names.PROVENANCE, "{", "cannot be read (JSONDecodeError: "),
        (RunFolder.provenance, names.PROVENANCE, "[]", "cannot be read (ValueError: it holds no keys"),
        (RunFolder.provenance, names.PROVENANCE, "{}", "has no 'code', as a file of another version"),
        (RunFolder.document, names.CONFIG, None, "is missing"),
        (RunFolder.document, names.CONFIG, "{[", "cannot be read (ParserError: "),
        (RunFolder.document, names.CONFIG, "", "cannot be read (ValueError: it holds no keys"),
        (lambda run: run.samples("G1"), names.SAMPLES, None, "is missing"),
        (lambda run: run.samples("G1"), names.SAMPLES, "PK", "cannot be read ("),
        (lambda run: run.predictions("logits"), names.PREDICTIONS, None, "is missing"),
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
        (names.RESULT, folder.result, f"delete it, then: advkd train {RUN}"),
        (names.METRICS, folder.metrics, "delete it, and the next snakemake evaluates the run again"),
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
    folder.write_arrays(names.PREDICTIONS, arrays)
    with pytest.raises(Damaged) as error:
        folder.predictions("logits")
    assert str(error.value).startswith(f"{folder.file(names.PREDICTIONS)} {reason}")
    assert str(error.value).endswith(REMEDY)


def test_images_of_one_class_measure_nothing(folder):
    folder.write_arrays(names.PREDICTIONS, {"labels": np.ones(2, int), "logits": np.zeros((2, 2))})
    with pytest.raises(UserError, match="all of one class, which measures nothing"):
        folder.predictions("logits")


def test_a_changed_product_is_told(folder):
    finish(folder)
    assert folder.intact(folder.result()["sha256"])
    folder.file(names.PREDICTIONS).write_bytes(b"other")
    assert not folder.intact(folder.result()["sha256"])
    with pytest.raises(Damaged, match=r"predictions\.npz is not what the run wrote") as error:
        folder.check(names.PREDICTIONS)
    assert str(error.value).endswith(REMEDY)
    with pytest.raises(Damaged, match=r"model\.safetensors is missing"):
        folder.check(names.MODEL)
