import os
import pickle

import numpy as np
import pytest
from layouts import contents, extract, read
from torchvision import datasets

from advkd.errors import UserError


class Unchecked:
    """torchvision's reader without its checksums, which drawn files cannot have."""

    def _check_integrity(self):
        return True

    def _load_meta(self):
        pass


class Cifar10(Unchecked, datasets.CIFAR10):
    pass


class Cifar100(Unchecked, datasets.CIFAR100):
    pass


@pytest.mark.parametrize(("name", "reference"), [("cifar10", Cifar10), ("cifar100", Cifar100)])
def test_images_labels_and_their_order_are_torchvisions(name, reference, tmp_path):
    root = extract(name, tmp_path).parent
    labelled = read(name)
    for items, train in ((labelled.train, True), (labelled.valid, False)):
        wanted = reference(root, train=train)
        assert [item.label for item in items] == wanted.targets
        np.testing.assert_array_equal(np.stack([labelled.decode(item.image)[0] for item in items]), wanted.data)


def test_an_image_is_named_by_its_file_and_row():
    assert read("cifar10").train[0].image == "data_batch_1/0"
    assert read("cifar100").valid[-1].image == "test/31"


def python2(content: dict) -> bytes:
    """Pickle as Python 2 and numpy 1 did, which is what the official files are: text and bytes are one type."""

    def text(data: bytes) -> bytes:
        return pickle.BINSTRING + len(data).to_bytes(4, "little") + data

    def value(one) -> bytes:
        match one:
            case str():
                return text(one.encode("latin1"))
            case int():
                return pickle.BININT + one.to_bytes(4, "little")
            case list():
                return pickle.EMPTY_LIST + pickle.MARK + b"".join(map(value, one)) + pickle.APPENDS
            case np.ndarray():
                empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + pickle.BININT1 + b"\0\x85"
                kind = b"cnumpy\ndtype\n" + text(b"u1") + value(0) + value(1) + b"\x87R"
                kind += b"(" + value(3) + text(b"|") + b"NNN" + value(-1 & 0x7FFFFFFF) * 2 + value(0) + b"tb"
                shape = value(one.shape[0]) + value(one.shape[1]) + b"\x86"
                return empty + text(b"b") + b"\x87R(" + value(1) + shape + kind + b"\x89" + text(one.tobytes()) + b"tb"

    pairs = b"".join(value(key) + value(one) for key, one in content.items())
    return pickle.PROTO + b"\2" + pickle.EMPTY_DICT + pickle.MARK + pairs + pickle.SETITEMS + pickle.STOP


def test_pickles_of_python_2_are_read():
    files = {name: python2(pickle.loads(data)) for name, data in contents("cifar100").items()}
    batch = pickle.loads(files["test"], encoding="latin1")  # what numpy itself makes of it
    labelled, wanted = read("cifar100", **files), read("cifar100")
    assert (labelled.classes, labelled.train, labelled.valid) == (wanted.classes, wanted.train, wanted.valid)
    pixels = np.stack([labelled.decode(item.image)[0] for item in labelled.valid])
    np.testing.assert_array_equal(pixels, batch["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_runs_no_code(tmp_path):
    for evil in (Evil(os.mkdir, str(tmp_path / "ran")), Evil(np.save, tmp_path / "ran", [1]), Evil(eval, "1")):
        with pytest.raises(UserError, match=r"test is not a pickle of CIFAR's \(it asks for (posix|numpy|builtins)\."):
            read("cifar100", test=pickle.dumps({"data": evil, "fine_labels": [0]}))
    assert list(tmp_path.iterdir()) == []


def changed(file, **values):
    content = {**pickle.loads(contents("cifar100")[file]), **values}
    return {file: pickle.dumps({key: value for key, value in content.items() if value is not None})}


PIXELS = np.zeros((32, 3072), np.uint8)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (changed("test", fine_labels=[8] * 32), "8 classes, but an image has the label 8"),
        (changed("test", fine_labels=["0"] * 32), "test has no array `data` and list `fine_labels` of whole numbers"),
        (changed("test", fine_labels=None), "test has no array `data` and list `fine_labels`"),
        (changed("test", data=None), "test has no array `data`"),
        (changed("test", data=PIXELS.tolist()), "test has no array `data`"),
        (changed("test", data=PIXELS[:31]), "`data` of test is not 32 images"),
        (changed("test", data=PIXELS[:, 1:]), "`data` of test is not 32 images"),
        (changed("test", data=PIXELS.astype(np.float32)), "an array of other than bytes"),
        (changed("test", data=np.array([object()])), "asks for builtins.object"),
        (changed("meta", fine_label_names=None), "meta has no list `fine_label_names` of names"),
        (changed("meta", fine_label_names=[1, 2]), "meta has no list `fine_label_names` of names"),
        (changed("meta", fine_label_names=list("abcdefghi")), "the class 'i' has no training image"),
        ({"meta": pickle.dumps([1])}, "meta holds a list, not a dictionary"),
        ({"train": contents("cifar100")["train"][:5000]}, "train is not a pickle of CIFAR's"),
    ],
)
def test_other_contents_are_refused(files, message):
    with pytest.raises(UserError, match=message) as error:
        read("cifar100", **files)
    assert "\n" not in str(error.value)


def test_an_array_by_columns_is_read():
    data = pickle.loads(contents("cifar100")["test"])["data"]
    files = changed("test", data=np.asfortranarray(data))
    assert pickle.loads(files["test"])["data"].flags.f_contiguous
    labelled = read("cifar100", **files)
    np.testing.assert_array_equal(labelled.decode("test/3")[0], data[3].reshape(3, 32, 32).transpose(1, 2, 0))
