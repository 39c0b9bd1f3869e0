"""Drawn data sets in their official layouts, in memory, for tests that damage and read them."""

import functools
import io
import shutil
import tempfile
from pathlib import Path

from advkd.data.archives.archive import Archive
from advkd.data.classifier_store import READERS
from advkd.data.drawn.draw_dataset import draw_dataset

FOLDERS = {
    "cifar10": "cifar-10-batches-py",
    "cifar100": "cifar-100-python",
    "tiny_imagenet": "tiny-imagenet-200",
    "cub200": "CUB_200_2011",
    "stanford_dogs": ".",
    "mit67": ".",
    "fgvc_aircraft": "fgvc-aircraft-2013b",
}
LISTS = {
    "cifar10": ["data_batch_1", "data_batch_5", "test_batch", "batches.meta"],
    "cifar100": ["train", "test", "meta"],
    "tiny_imagenet": ["wnids.txt", "val/val_annotations.txt"],
    "cub200": ["classes.txt", "images.txt", "image_class_labels.txt", "train_test_split.txt"],
    "stanford_dogs": ["train_list.mat", "test_list.mat"],
    "mit67": ["TrainImages.txt", "TestImages.txt"],
    "fgvc_aircraft": ["data/variants.txt", "data/images_variant_trainval.txt", "data/images_variant_test.txt"],
}
SIZE = 4


class Memory(Archive):
    """An archive of files in memory."""

    kind = "memory"

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(Path("official.zip"))
        self.files = files

    def names(self):
        return sorted(self.files)

    def open(self, name):
        return io.BytesIO(self.files[name])


def extract(name: str, folder: Path, size: int = SIZE) -> Path:
    """Draw a data set, extract its archives with the standard library, and return its official folder."""
    draw_dataset(name, folder / "drawn", size)
    for path in (folder / "drawn").iterdir():
        if path.suffix == ".txt":
            shutil.copy(path, folder)
        else:
            shutil.unpack_archive(path, folder, **({} if path.suffix == ".zip" else {"filter": "data"}))
    shutil.rmtree(folder / "drawn")
    return folder / FOLDERS[name]


@functools.cache
def _contents(name: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        root = extract(name, Path(folder))
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def contents(name: str) -> dict[str, bytes]:
    """Return the files of a drawn data set by their names in its official folder."""
    return dict(_contents(name))


def read(name: str, **changed: bytes | None):
    """Read a drawn data set with some files replaced, or, where None, removed."""
    files = {**contents(name), **changed}
    return READERS[name](Memory({key: data for key, data in files.items() if data is not None}))


def edit(name: str, file: str, *pairs: tuple[str, str]) -> dict[str, bytes]:
    """Return, for `read`, a text file of a drawn data set in which texts are replaced once."""
    text = contents(name)[file].decode()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return {file: text.encode()}
