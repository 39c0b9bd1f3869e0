import json

import numpy as np
import pytest
from one_folder import empty_folder, finish

from advkd.files import sha256, write_json
from advkd.runs import folder_names as names
from advkd.runs.damaged import Damaged


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return empty_folder()


def test_rows_of_a_history_may_have_different_terms(folder):
    folder.write_history([{"epoch": 1, "L": "2"}, {"epoch": 2, "L": "1", "L_KD": "0.5"}, {"epoch": 3, "L_KD": "nan"}])
    assert folder.file(names.HISTORY).read_text() == "epoch,L,L_KD\n1,2,\n2,1,0.5\n3,,nan\n"
    columns = folder.history()
    assert columns["epoch"] == [1, 2, 3] and columns["L"] == [2, 1, None]
    assert columns["L_KD"][:2] == [None, 0.5] and np.isnan(columns["L_KD"][2])


def test_only_what_describes_an_earlier_training_is_removed(folder):
    finish(folder)
    folder.write_scratch_samples("early", {"G1": np.zeros(1)})
    for name in (names.LOG, names.CONFIG, ".model.safetensors.tmp.safetensors"):
        folder.file(name).touch()
    folder.remove_half_written()
    folder.remove_products()
    assert sorted(path.name for path in folder.path.iterdir()) == [names.CONFIG, names.LOG]


def test_result_json_is_plain_json(folder):
    folder.write_result({"status": "done", "config_hash": "a", "sha256": {}})
    assert json.loads(folder.file(names.RESULT).read_text())["status"] == "done"
    write_json(folder.file(names.RESULT), {"status": "done"})
    with pytest.raises(Damaged, match="has no 'config_hash'"):
        folder.result()
    assert folder.checksums(names.PRODUCTS) == {}
    folder.file(names.MODEL).write_bytes(b"w")
    assert folder.checksums(names.PRODUCTS) == {names.MODEL: sha256(folder.file(names.MODEL))}
