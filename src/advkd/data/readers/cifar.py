"""Reads CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), whose files are pickles of Python 2.

A pickle can run any code. torchvision's readers allow this if the file has the published checksum. The reader here only
builds numbers, strings, lists, dictionaries and byte arrays, whatever the file asks for.

Choices:
    - [aikd: Table 1] Printed: CIFAR-100 has 10 classes. Here: 100. Why: the data set's own count.
"""

import io
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeGuard, TypeVar

import numpy as np

from advkd.data.archives.archive import LARGEST_FILE, Archive
from advkd.data.images import Decoded
from advkd.data.readers.labelled import Item, LabelledImages, check_items, unofficial
from advkd.data.readers.lists import ListFiles

Value = TypeVar("Value")

SHAPE = (3, 32, 32)  # channels, height, width of an image in a row of `data`


def read_cifar10(archive: Archive) -> LabelledImages:
    """Return CIFAR-10: classes in the order of batches.meta, images in the order of data_batch_1 to 5 and test_batch.

    The name of an image is its file and its row in that file.

    Raises:
        UserError: a file is missing, is not a pickle of CIFAR's form, or has a label without a class.
    """
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    return _read(archive, batches, "test_batch", "labels", "batches.meta", "label_names")


def read_cifar100(archive: Archive) -> LabelledImages:
    """Return CIFAR-100: the 100 fine classes in the order of meta, images in the order of train and test.

    The name of an image is its file and its row in that file.

    Raises:
        UserError: a file is missing, is not a pickle of CIFAR's form, or has a label without a class.
    """
    return _read(archive, ["train"], "test", "fine_labels", "meta", "fine_label_names")


def _read(archive: Archive, train: Sequence[str], test: str, key: str, meta: str, names: str) -> LabelledImages:
    """Read a data set.

    Args:
        archive: the files.
        train: the files of the training images.
        test: the file of the test images.
        key: the key of the labels in these files.
        meta: the file of the names of the classes.
        names: the key of these names.
    """
    # The files hold the images too, so they may be large.
    lists = ListFiles(archive, *train, test, meta, most=LARGEST_FILE)
    pixels: dict[str, np.ndarray] = {}
    items: dict[str, list[Item]] = {}
    for name in (*train, test):
        batch = _unpickle(lists, name)
        data, labels = batch.get("data"), batch.get(key)
        if not isinstance(data, _Array) or not _is_list_of(labels, int):
            raise unofficial(archive.path, f"{name} has no array `data` and list `{key}` of whole numbers")
        if data.rows.shape != (len(labels), math.prod(SHAPE)):
            raise unofficial(
                archive.path, f"`data` of {name} is not {len(labels)} images of 32x32 pixels, one per label"
            )
        # Images are named by their rows, because the file names in the batches are not unique.
        items[name] = [Item(f"{name}/{row}", label) for row, label in enumerate(labels)]
        images = data.rows.reshape(-1, *SHAPE).transpose(0, 2, 3, 1)
        for item, image in zip(items[name], images, strict=True):
            pixels[item.image] = image
    classes = _unpickle(lists, meta).get(names)
    if not _is_list_of(classes, str):
        raise unofficial(archive.path, f"{meta} has no list `{names}` of names")
    training = tuple(item for name in train for item in items[name])
    check_items(archive.path, classes, training, items[test])
    return LabelledImages(tuple(classes), training, tuple(items[test]), lambda name: Decoded(pixels[name], "RGB"), list)


def _is_list_of(values: Any, kind: type[Value]) -> TypeGuard[list[Value]]:
    """Return whether `values` is a list of values of exactly this type."""
    return isinstance(values, list) and all(type(value) is kind for value in values)


def _unpickle(lists: ListFiles, name: str) -> dict[str, Any]:
    try:
        content = _Unpickler(io.BytesIO(lists[name]), encoding="latin1").load()
    except Exception as error:  # pickle documents no particular exceptions
        message = " ".join(str(error).split())
        raise unofficial(lists.path, f"{name} is not a pickle of CIFAR's ({message:.120})") from error
    if not isinstance(content, dict):
        raise unofficial(lists.path, f"{name} holds a {type(content).__name__}, not a dictionary")
    return content


class _Type:
    """Built in place of a numpy.dtype."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        pass  # byte order and alignment, which do not apply to bytes


class _Array:
    """Built in place of a numpy.ndarray, which would trust the content of the pickle; `rows` is uint8."""

    def __init__(self, *_: Any) -> None:
        self.rows: np.ndarray = np.empty(0, np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, data = state
        if not isinstance(kind, _Type) or kind.code not in ("u1", "|u1"):
            raise pickle.UnpicklingError("an array of other than bytes")
        if isinstance(data, str):  # Python 2 has one type for text and bytes
            data = data.encode("latin1")
        self.rows = np.frombuffer(data, np.uint8).reshape(shape, order="F" if by_column else "C")


# The classes that a pickle may ask for, by module and name, and the classes that are built instead.
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


def _list_builder(count: int) -> Callable[[Any], None]:
    """Return a handler of an opcode that makes a list of the last `count` values."""

    def load(unpickler: Any) -> None:
        unpickler.stack[-count:] = [unpickler.stack[-count:]]

    return load


class _Unpickler(pickle._Unpickler):
    """Builds nothing but plain values and the classes in `ALLOWED`.

    This extends pickle's implementation in Python. The one in C allocates as much memory as a file claims to need.
    Tuples become lists, because lists cannot be keys: hashing deeply nested tuples can take forever.
    """

    dispatch: ClassVar = {
        **pickle._Unpickler.dispatch,
        pickle.TUPLE[0]: pickle._Unpickler.load_list,  # type: ignore[attr-defined]  # typeshed omits it
        pickle.TUPLE1[0]: _list_builder(1),
        pickle.TUPLE2[0]: _list_builder(2),
        pickle.TUPLE3[0]: _list_builder(3),
    }

    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return ALLOWED[module, name]
