"""The official files of each data set for classification: their names, lists and layout, filled with drawn images."""

import contextlib
import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np
from PIL import Image

from advkd import files
from advkd.data.drawn.shape_images import CLASSES

COARSE = ("plain", "striped")  # the coarse classes of the drawn CIFAR-100

Content = bytes | dict[str, bytes]  # the bytes of a file, or of each member of an archive by name


class DrawnImage(NamedTuple):
    """One drawn image.

    Attributes:
        training: whether it is a training image; else it is an evaluation image.
        label: the index of its class.
        number: its index among the training or evaluation images of its class.
        pixels: uint8 (height, width, 3).
    """

    training: bool
    label: int
    number: int
    pixels: np.ndarray

    @property
    def jpeg(self) -> bytes:
        """The image as a JPEG file. The third training image of the first class is greyscale."""
        image, file = Image.fromarray(self.pixels), io.BytesIO()
        if self.training and (self.label, self.number) == (0, 2):
            image = image.convert("L")
        image.save(file, "JPEG", quality=92)
        return file.getvalue()


def _cifar10(images: Sequence[DrawnImage]) -> dict[str, Content]:
    train, test = _split_mixed(images)
    members = {f"data_batch_{number + 1}": _batch(train[number::5], "labels") for number in range(5)}
    members["test_batch"] = _batch(test, "labels")
    members["batches.meta"] = _pickled({"label_names": list(CLASSES)})
    return {"cifar-10-python.tar.gz": {f"cifar-10-batches-py/{name}": data for name, data in members.items()}}


def _cifar100(images: Sequence[DrawnImage]) -> dict[str, Content]:
    train, test = _split_mixed(images)
    members = {
        "train": _batch(train, "fine_labels"),
        "test": _batch(test, "fine_labels"),
        "meta": _pickled({"fine_label_names": list(CLASSES), "coarse_label_names": list(COARSE)}),
    }
    return {"cifar-100-python.tar.gz": {f"cifar-100-python/{name}": data for name, data in members.items()}}


def _split_mixed(images: Sequence[DrawnImage]) -> tuple[list[DrawnImage], list[DrawnImage]]:
    """Return the training and the evaluation images with the classes in rotation, since CIFAR's are not sorted."""
    mixed = sorted(images, key=lambda image: (image.number, image.label))
    return [image for image in mixed if image.training], [image for image in mixed if not image.training]


def _batch(images: Sequence[DrawnImage], key: str) -> bytes:
    """Return a pickled batch of CIFAR; `key` is the key of the labels."""
    labels = [image.label for image in images]
    content = {
        "filenames": [f"{CLASSES[image.label]}_{image.number:06d}.png" for image in images],
        key: labels,
        "data": np.stack([image.pixels.transpose(2, 0, 1).reshape(-1) for image in images]),
    }
    if key == "fine_labels":
        content["coarse_labels"] = [COARSE.index(CLASSES[label].split("_")[0]) for label in labels]
    return _pickled(content)


def _tiny_imagenet(images: Sequence[DrawnImage]) -> dict[str, Content]:
    wnids = [f"n{10_000_000 + 1000 * label:08d}" for label in reversed(range(len(CLASSES)))]
    members: dict[str, bytes] = {}
    annotations: list[str] = []
    for image in images:
        wnid = wnids[image.label]
        if image.training:
            members[f"train/{wnid}/images/{wnid}_{image.number}.JPEG"] = image.jpeg
        else:
            file = f"val_{len(annotations)}.JPEG"
            members[f"val/images/{file}"] = image.jpeg
            annotations.append(f"{file}\t{wnid}\t0\t0\t63\t63")
    words = [f"{wnid}\t{name.replace('_', ' ')}" for wnid, name in zip(wnids, CLASSES, strict=True)]
    members["wnids.txt"] = _text_file(wnids)
    members["words.txt"] = _text_file(words)
    members["val/val_annotations.txt"] = _text_file(annotations)
    return {"tiny-imagenet-200.zip": {f"tiny-imagenet-200/{name}": data for name, data in members.items()}}


def _cub200(images: Sequence[DrawnImage]) -> dict[str, Content]:
    folders = [f"{label:03d}.{name}" for label, name in enumerate(CLASSES, 1)]
    members: dict[str, bytes] = {}
    names: list[str] = []
    labels: list[str] = []
    split: list[str] = []
    for key, image in enumerate(sorted(images, key=lambda image: (image.label, image.number)), 1):
        name = f"{folders[image.label]}/{CLASSES[image.label]}_{key:04d}.jpg"
        members[f"images/{name}"] = image.jpeg
        names.append(f"{key} {name}")
        labels.append(f"{key} {image.label + 1}")
        split.append(f"{key} {int(image.training)}")
    members["images.txt"] = _text_file(names)
    members["image_class_labels.txt"] = _text_file(labels)
    members["train_test_split.txt"] = _text_file(split)
    members["classes.txt"] = _text_file([f"{label} {folder}" for label, folder in enumerate(folders, 1)])
    return {"CUB_200_2011.tgz": {f"CUB_200_2011/{name}": data for name, data in members.items()}}


def _stanford_dogs(images: Sequence[DrawnImage]) -> dict[str, Content]:
    members: dict[str, bytes] = {}
    lists: dict[str, list[tuple[str, int]]] = {"train_list.mat": [], "test_list.mat": []}
    for key, image in enumerate(images):
        wnid = f"n{2_000_000 + image.label:08d}"
        name = f"{wnid}-{CLASSES[image.label]}/{wnid}_{key}.jpg"
        members[f"Images/{name}"] = image.jpeg
        lists["train_list.mat" if image.training else "test_list.mat"].append((name, image.label + 1))
    return {"images.tar": members, "lists.tar": {name: _matlab_file(rows) for name, rows in lists.items()}}


def _mit67(images: Sequence[DrawnImage]) -> dict[str, Content]:
    members: dict[str, bytes] = {}
    lists: dict[str, list[str]] = {"TrainImages.txt": [], "TestImages.txt": []}
    for key, image in enumerate(images):
        name = f"{CLASSES[image.label]}/drawn_{key}.jpg"
        members[f"Images/{name}"] = image.jpeg
        lists["TrainImages.txt" if image.training else "TestImages.txt"].append(name)
    members["Images/plain_disc/in_no_list.jpg"] = images[0].jpeg
    return {"indoorCVPR_09.tar": members, **{name: _text_file(lines) for name, lines in lists.items()}}


def _fgvc_aircraft(images: Sequence[DrawnImage]) -> dict[str, Content]:
    variants = [name.replace("_", " ") for name in CLASSES]
    members: dict[str, bytes] = {}
    lists: dict[str, list[str]] = {"train": [], "val": [], "trainval": [], "test": []}
    for key, image in enumerate(images, 1_000_000):
        members[f"images/{key}.jpg"] = image.jpeg
        line = f"{key} {variants[image.label]}"
        if image.training:
            lists["trainval"].append(line)
            lists["val" if image.number % 2 else "train"].append(line)
        else:
            lists["test"].append(line)
    for split, lines in lists.items():
        members[f"images_variant_{split}.txt"] = _text_file(lines)
    members["variants.txt"] = _text_file(variants)
    return {"fgvc-aircraft-2013b.tar.gz": {f"fgvc-aircraft-2013b/data/{name}": data for name, data in members.items()}}


# For each data set, the side of its images in pixels (None: many sizes) and the function that makes its files.
LAYOUTS: dict[str, tuple[int | None, Callable[[Sequence[DrawnImage]], dict[str, Content]]]] = {
    "cifar10": (32, _cifar10),
    "cifar100": (32, _cifar100),
    "tiny_imagenet": (64, _tiny_imagenet),
    "cub200": (None, _cub200),
    "stanford_dogs": (None, _stanford_dogs),
    "mit67": (None, _mit67),
    "fgvc_aircraft": (None, _fgvc_aircraft),
}


def _text_file(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


_pickled = partial(pickle.dumps, protocol=4)


def _matlab_file(rows: Sequence[tuple[str, int]]) -> bytes:
    """Return one of Stanford Dogs' lists; `rows` are the images' names and the numbers of their classes, from 1."""
    from scipy.io import savemat  # takes long to import

    names = np.array([[name] for name, _ in rows], dtype=object)
    file = io.BytesIO()
    labels = np.array([[label] for _, label in rows], np.uint8)
    savemat(file, {"file_list": names, "annotation_list": names, "labels": labels})
    # The first 116 bytes would hold the time of day.
    return b"MATLAB 5.0 MAT-file, drawn".ljust(116) + file.getvalue()[116:]


def write_content(path: Path, content: Content) -> None:
    """Write a file, or a zip or tar archive of the kind that the suffix of `path` names."""
    with files.atomic(path) as temporary:
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        elif path.suffix == ".zip":
            _write_zip(temporary, content)
        else:
            _write_tar(temporary, content, compressed=path.suffix != ".tar")


def _write_zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, data)


def _write_tar(path: Path, members: dict[str, bytes], compressed: bool) -> None:
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(path.open("wb"))
        if compressed:
            # No name and no time in the header, so that the bytes depend on the members only.
            packer = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0))
            file = cast(IO[bytes], packer)
        archive = stack.enter_context(tarfile.open(fileobj=file, mode="w"))
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
