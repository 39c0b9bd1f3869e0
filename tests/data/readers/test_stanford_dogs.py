import io

import numpy as np
import pytest
from layouts import contents, read
from scipy.io import loadmat, savemat

from advkd.errors import UserError


def mat(files, labels):
    file = io.BytesIO()
    savemat(
        file, {"file_list": np.array([[name] for name in files], dtype=object), "labels": np.array(labels)[:, None]}
    )
    return file.getvalue()


def columns(name="train_list.mat"):
    labelled = loadmat(io.BytesIO(contents("stanford_dogs")[name]), simplify_cells=True)
    return list(labelled["file_list"]), labelled["labels"].tolist()


def test_items_are_the_rows_of_the_lists():
    labelled = read("stanford_dogs")
    for items, name in ((labelled.train, "train_list.mat"), (labelled.valid, "test_list.mat")):
        files, labels = columns(name)
        assert [item.image for item in items] == [f"Images/{file}" for file in files]
        assert [item.label for item in items] == [label - 1 for label in labels]
        assert [labelled.classes[item.label] for item in items] == [file.split("/")[0] for file in files]


FILES, LABELS = columns()


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64])
def test_labels_of_any_type_of_number_are_read(kind):
    labelled = read("stanford_dogs", **{"train_list.mat": mat(FILES, np.array(LABELS, kind))})
    assert labelled.train == read("stanford_dogs").train


@pytest.mark.parametrize(
    ("files", "labels", "message"),
    [
        (FILES, [0, *LABELS[1:]], "the labels of train_list.mat are not one whole number from 1 for each"),
        (FILES, [1.5, *LABELS[1:]], "the labels of train_list.mat are not one whole number"),
        (FILES, [np.inf, *LABELS[1:]], "the labels of train_list.mat are not one whole number"),
        (FILES, LABELS[1:], "the labels of train_list.mat are not one whole number"),
        (FILES, ["1"] * len(FILES), "the labels of train_list.mat are not one whole number"),
        (LABELS, LABELS, "the labels of train_list.mat are not one whole number"),
        (FILES, [2, *LABELS[1:]], "breed 2 is both 'n02000000-plain_disc' and 'n02000001-plain_square'"),
        (FILES[4:], LABELS[4:], "the class 'n02000000-plain_disc' has no training image"),
        ([FILES[1], *FILES[1:]], LABELS, "is listed twice"),
        ([columns("test_list.mat")[0][0], *FILES[1:]], LABELS, "is listed for training and for evaluation"),
    ],
)
def test_wrong_lists_are_refused(files, labels, message):
    with pytest.raises(UserError, match=message):
        read("stanford_dogs", **{"train_list.mat": mat(files, labels)})


def test_a_matlab_file_without_the_lists_is_refused():
    file = io.BytesIO()
    savemat(file, {"labels": [1]})
    with pytest.raises(UserError, match=r"test_list\.mat is not a MATLAB file with file_list and labels"):
        read("stanford_dogs", **{"test_list.mat": file.getvalue()})
