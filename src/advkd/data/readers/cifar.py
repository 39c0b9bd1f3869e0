"""Reading CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), whose files are pickles of Python 2.

A pickle can run any code. torchvision's readers let it, once its checksum is the published one; here nothing but
numbers, strings, lists, dictionaries and byte arrays is built, whoever made the file.

Choices:
    - [aikd: Table 1] Printed: CIFAR-100 has 10 classes. Here: 100. Why: the data set's own count.
"""

import io
import math
import pickle
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from advkd.data.archives.members import LARGEST, Archive
from advkd.data.readers.labelled import Item, Labelled, check, wrong
from advkd.data.readers.lists import Lists

SHAPE = (3, 32, 32)


def read10(archive: Archive) -> Labelled:
    """Return CIFAR-10: classes as numbered in batches.meta, images in the order of data_batch_1 to 5 and test_batch.

    An image is named by its file and its row in it.

    Raises:
        UserError: a file is missing, no pickle of CIFAR's form, or has a label without a class.
    """
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    return _read(archive, batches, "test_batch", "labels", "batches.meta", "label_names")


def read100(archive: Archive) -> Labelled:
    """Return CIFAR-100 with its 100 fine classes as numbered in meta, images in the order of train and test.

    Named and raises as `read10`.
    """
    return _read(archive, ["train"], "test", "fine_labels", "meta", "fine_label_names")


def _read(archive: Archive, train: Sequence[str], test: str, key: str, meta: str, names: str) -> Labelled:
    lists = Lists(archive, *train, test, meta, most=LARGEST)  # the images are in them
    pixels: dict[str, np.ndarray] = {}
    items: dict[str, list[Item]] = {}
    for name in (*train, test):
        batch = _load(lists, name)
        data, labels = batch.get("data"), batch.get(key)
        if not isinstance(data, _Array) or not isinstance(labels, list) or {type(label) for label in labels} - {int}:
            raise wrong(archive.path, f"{name} has no array `data` and list `{key}` of whole numbers")
        if data.rows.shape != (len(labels), math.prod(SHAPE)):
            raise wrong(archive.path, f"`data` of {name} is not {len(labels)} images of 32x32 pixels, one a label")
        # by row, since the file names inside are not unique
        items[name] = [Item(f"{name}/{row}", label) for row, label in enumerate(labels)]
        images = data.rows.reshape(-1, *SHAPE).transpose(0, 2, 3, 1)
        pixels.update(zip((item.image for item in items[name]), images, strict=True))
    classes = _load(lists, meta).get(names)
    if not isinstance(classes, list) or {type(name) for name in classes} - {str}:
        raise wrong(archive.path, f"{meta} has no list `{names}` of names")
    training = tuple(item for name in train for item in items[name])
    check(archive.path, classes, training, items[test], pixels)
    return Labelled(tuple(classes), training, tuple(items[test]), lambda name: (pixels[name], "RGB"), list)


def _load(lists: Lists, name: str) -> dict[str, Any]:
    try:
        found = _Unpickler(io.BytesIO(lists[name]), encoding="latin1").load()
    except Exception as error:  # pickle promises no particular ones
        raise wrong(lists.path, f"{name} is no pickle of CIFAR's ({' '.join(str(error).split()):.120})") from error
    if not isinstance(found, dict):
        raise wrong(lists.path, f"{name} holds a {type(found).__name__}, not a dictionary")
    return found


class _Type:
    """Stands for a numpy.dtype."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        pass  # byte order and alignment, of which bytes have none


class _Array:
    """Stands for a numpy.ndarray, whose own way out of a pickle trusts the contents; `rows` is uint8."""

    def __init__(self, *_: Any) -> None:
        self.rows = np.empty(0, np.uint8)

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_column, data = state
        if not isinstance(kind, _Type) or kind.code not in ("u1", "|u1"):
            raise pickle.UnpicklingError("an array of other than bytes")
        if isinstance(data, str):  # Python 2 knew no difference
            data = data.encode("latin1")
        self.rows = np.frombuffer(data, np.uint8).reshape(shape, order="F" if by_column else "C")


KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


def _listing(count: int) -> Callable[["_Unpickler"], None]:
    """Return what makes a list of the last `count` values."""

    def load(unpickler: "_Unpickler") -> None:
        unpickler.stack[-count:] = [unpickler.stack[-count:]]

    return load


class _Unpickler(pickle._Unpickler):
    """Python's own implementation: that in C sets aside as much memory as the numbers of a memo claim.

    Tuples become lists, which are no keys: the hash of tuples within tuples can take for ever.
    """

    dispatch: ClassVar = {
        **pickle._Unpickler.dispatch,
        pickle.TUPLE[0]: pickle._Unpickler.load_list,
        **{code[0]: _listing(n) for n, code in enumerate((pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3), 1)},
    }

    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return KNOWN[module, name]
