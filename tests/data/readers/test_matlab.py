import io

import numpy as np
import pytest
from scipy.io import savemat

from advkd.data.readers import matlab


def saved(compressed=False, **variables):
    file = io.BytesIO()
    savemat(file, variables, do_compression=compressed)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_cells_of_text_and_columns_of_numbers_are_read(compressed):
    cells = np.array([["a/b.jpg"], ["é.jpg"], ["c"]], dtype=object)
    data = saved(compressed, other=1, names=cells, numbers=np.array([[3], [1], [2]], np.uint8))
    assert matlab.load_variables(data, ("numbers", "names")) == [[3, 1, 2], ["a/b.jpg", "é.jpg", "c"]]


@pytest.mark.parametrize("data", [b"", bytes(300), saved(b=[1]), saved(a=[1, 2, 3])[:-1]], ids=len)
def test_what_cannot_be_read_is_an_error(data):
    with pytest.raises(ValueError, match="not a MATLAB file with a"):
        matlab.load_variables(data, ("a",))


def test_a_reader_that_crashes_takes_nothing_with_it(monkeypatch):
    monkeypatch.setattr(matlab, "READER", "import os; os.abort()")
    with pytest.raises(ValueError, match="not a MATLAB file with a"):
        matlab.load_variables(saved(a=[1]), ("a",))
