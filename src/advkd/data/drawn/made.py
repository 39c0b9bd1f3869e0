"""Drawn data in the files and layout that each data set is published in, so that everything runs without the real ones.

Numbers from them say nothing about a paper.
"""

import contextlib
import gzip
import io
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from advkd import files
from advkd.data.drawn import concrete
from advkd.data.drawn.shapes import CLASSES, draw
from advkd.errors import UserError

SIDES = (60, 91)  # of an image where the data set has no size of its own, pixels
COARSE = ("plain", "striped")  # CIFAR-100's coarse classes

Content = bytes | dict[str, bytes]  # of a file, or of an archive's members by name


class Drawn(NamedTuple):
    """One image: whether it is for training, its class, its number in that part of the class, its pixels."""

    training: bool
    label: int
    number: int
    pixels: np.ndarray

    @property
    def jpeg(self) -> bytes:
        """The image as a JPEG file; the third training image of the first class is greyscale."""
        image, file = Image.fromarray(self.pixels), io.BytesIO()
        grey = self.training and (self.label, self.number) == (0, 2)
        (image.convert("L") if grey else image).save(file, "JPEG", quality=92)
        return file.getvalue()


def make(name: str, folder: Path, size: int, seed: int = 0) -> None:
    """Write the official files of the data set `name`, with drawn images, into `folder`.

    The same arguments give the same bytes (under the same versions of PIL, zlib and scipy), and the first images of a
    class do not depend on `size`.

    Args:
        name: a data set of the registry.
        folder: where the files go.
        size: photos of CODEBRIM; of the others, training images of each of the eight classes. Half as many, at least
            four, are for evaluation.
        seed: of the drawing.

    Raises:
        UserError: no data set is called `name`.
    """
    if name == "codebrim":
        concrete.make_archive(folder / "CODEBRIM_original_images.zip", size, seed)
        return
    if name not in LAYOUTS:
        raise UserError(f"nothing can be drawn for {name!r}; known are codebrim, {', '.join(LAYOUTS)}")
    side, layout = LAYOUTS[name]
    images = []
    for training, count in ((True, size), (False, max(4, size // 2))):
        for label in range(len(CLASSES)):
            for number in range(count):
                rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode()), training, label, number]))
                width, height = (side, side) if side else rng.integers(*SIDES, 2).tolist()
                images.append(Drawn(training, label, number, draw(label, width, height, rng)))
    for file, content in layout(images).items():
        _write(folder / file, content)


def _cifar10(images: Sequence[Drawn]) -> dict[str, Content]:
    train, test = _shuffled(images)
    members = {f"data_batch_{number + 1}": _batch(train[number::5], "labels") for number in range(5)}
    members |= {"test_batch": _batch(test, "labels"), "batches.meta": _pickled({"label_names": list(CLASSES)})}
    return {"cifar-10-python.tar.gz": {f"cifar-10-batches-py/{name}": data for name, data in members.items()}}


def _cifar100(images: Sequence[Drawn]) -> dict[str, Content]:
    train, test = (_batch(part, "fine_labels") for part in _shuffled(images))
    meta = _pickled({"fine_label_names": list(CLASSES), "coarse_label_names": list(COARSE)})
    members = {"train": train, "test": test, "meta": meta}
    return {"cifar-100-python.tar.gz": {f"cifar-100-python/{name}": data for name, data in members.items()}}


def _shuffled(images: Sequence[Drawn]) -> tuple[list[Drawn], list[Drawn]]:
    """Return training and evaluation images, classes in rotation, as CIFAR's come in no order."""
    parts = ([image for image in images if image.training is training] for training in (True, False))
    return tuple(sorted(part, key=lambda image: (image.number, image.label)) for part in parts)


def _batch(images: Sequence[Drawn], key: str) -> bytes:
    labels = [image.label for image in images]
    content = {
        "filenames": [f"{CLASSES[image.label]}_{image.number:06d}.png" for image in images],
        key: labels,
        "data": np.stack([image.pixels.transpose(2, 0, 1).reshape(-1) for image in images]),
    }
    if key == "fine_labels":
        content["coarse_labels"] = [COARSE.index(CLASSES[label].split("_")[0]) for label in labels]
    return _pickled(content)


def _tiny_imagenet(images: Sequence[Drawn]) -> dict[str, Content]:
    wnids = [f"n{10_000_000 + 1000 * label:08d}" for label in reversed(range(len(CLASSES)))]
    members, annotations = {}, []
    for image in images:
        wnid = wnids[image.label]
        if image.training:
            members[f"train/{wnid}/images/{wnid}_{image.number}.JPEG"] = image.jpeg
        else:
            file = f"val_{len(annotations)}.JPEG"
            members[f"val/images/{file}"] = image.jpeg
            annotations.append(f"{file}\t{wnid}\t0\t0\t63\t63")
    words = [f"{wnid}\t{name.replace('_', ' ')}" for wnid, name in zip(wnids, CLASSES, strict=True)]
    members |= {"wnids.txt": _text(wnids), "words.txt": _text(words), "val/val_annotations.txt": _text(annotations)}
    return {"tiny-imagenet-200.zip": {f"tiny-imagenet-200/{name}": data for name, data in members.items()}}


def _cub200(images: Sequence[Drawn]) -> dict[str, Content]:
    folders = [f"{label:03d}.{name}" for label, name in enumerate(CLASSES, 1)]
    members, lists = {}, {"images": [], "image_class_labels": [], "train_test_split": []}
    for key, image in enumerate(sorted(images, key=lambda image: (image.label, image.number)), 1):
        name = f"{folders[image.label]}/{CLASSES[image.label]}_{key:04d}.jpg"
        members[f"images/{name}"] = image.jpeg
        for lines, value in zip(lists.values(), (name, image.label + 1, int(image.training)), strict=True):
            lines.append(f"{key} {value}")
    lists["classes"] = [f"{label} {folder}" for label, folder in enumerate(folders, 1)]
    members |= {f"{name}.txt": _text(lines) for name, lines in lists.items()}
    return {"CUB_200_2011.tgz": {f"CUB_200_2011/{name}": data for name, data in members.items()}}


def _stanford_dogs(images: Sequence[Drawn]) -> dict[str, Content]:
    members, lists = {}, {"train_list.mat": [], "test_list.mat": []}
    for key, image in enumerate(images):
        wnid = f"n{2_000_000 + image.label:08d}"
        name = f"{wnid}-{CLASSES[image.label]}/{wnid}_{key}.jpg"
        members[f"Images/{name}"] = image.jpeg
        lists["train_list.mat" if image.training else "test_list.mat"].append((name, image.label + 1))
    return {"images.tar": members, "lists.tar": {name: _matlab(rows) for name, rows in lists.items()}}


def _mit67(images: Sequence[Drawn]) -> dict[str, Content]:
    members, lists = {}, {"TrainImages.txt": [], "TestImages.txt": []}
    for key, image in enumerate(images):
        name = f"{CLASSES[image.label]}/drawn_{key}.jpg"
        members[f"Images/{name}"] = image.jpeg
        lists["TrainImages.txt" if image.training else "TestImages.txt"].append(name)
    members["Images/plain_disc/in_no_list.jpg"] = images[0].jpeg
    return {"indoorCVPR_09.tar": members, **{name: _text(lines) for name, lines in lists.items()}}


def _fgvc_aircraft(images: Sequence[Drawn]) -> dict[str, Content]:
    variants = [name.replace("_", " ") for name in CLASSES]
    members, lists = {}, {"train": [], "val": [], "trainval": [], "test": []}
    for key, image in enumerate(images, 1_000_000):
        members[f"images/{key}.jpg"] = image.jpeg
        for part in ("trainval", ("train", "val")[image.number % 2]) if image.training else ("test",):
            lists[part].append(f"{key} {variants[image.label]}")
    members |= {f"images_variant_{part}.txt": _text(lines) for part, lines in lists.items()}
    members["variants.txt"] = _text(variants)
    return {"fgvc-aircraft-2013b.tar.gz": {f"fgvc-aircraft-2013b/data/{name}": data for name, data in members.items()}}


LAYOUTS: dict[str, tuple[int | None, Callable[[Sequence[Drawn]], dict[str, Content]]]] = {
    "cifar10": (32, _cifar10),
    "cifar100": (32, _cifar100),
    "tiny_imagenet": (64, _tiny_imagenet),
    "cub200": (None, _cub200),
    "stanford_dogs": (None, _stanford_dogs),
    "mit67": (None, _mit67),
    "fgvc_aircraft": (None, _fgvc_aircraft),
}


def _text(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


_pickled = partial(pickle.dumps, protocol=4)


def _matlab(rows: Sequence[tuple[str, int]]) -> bytes:
    from scipy.io import savemat

    names = np.array([[name] for name, _ in rows], dtype=object)
    file = io.BytesIO()
    savemat(file, {"file_list": names, "annotation_list": names, "labels": np.uint8([[label] for _, label in rows])})
    return b"MATLAB 5.0 MAT-file, drawn".ljust(116) + file.getvalue()[116:]  # in place of the time of day


def _write(path: Path, content: Content) -> None:
    with files.atomic(path) as temporary:
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        elif path.suffix == ".zip":
            _zip(temporary, content)
        else:
            _tar(temporary, content, compressed=path.suffix != ".tar")


def _zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, data)


def _tar(path: Path, members: dict[str, bytes], compressed: bool) -> None:
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(path.open("wb"))
        if compressed:
            file = opened.enter_context(gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0))
        archive = opened.enter_context(tarfile.open(fileobj=file, mode="w"))
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
