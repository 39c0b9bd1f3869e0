"""One pass over a user's folder of images: what it holds, and how the images are split for a classifier."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from advkd.data import label_worth
from advkd.data.archives.archive import Archive
from advkd.data.archives.record import open_folder
from advkd.data.images import IMAGE_SUFFIXES, examine_photo
from advkd.data.readers.class_folders import read_class_folders
from advkd.data.readers.labelled import LabelledImages
from advkd.data.readers.photo_folder import image_names
from advkd.errors import UserError
from advkd.progress import Progress

Part = Literal["train", "evaluate", "none"]  # none: of a folder that is no data set yet
BLOCK = 2048  # thumbnails compared at a time


class Place(NamedTuple):
    """Where an image is: in which part of the split, and in the folder of which class."""

    part: Part
    class_name: str


@dataclass(frozen=True)
class Survey:
    """What a folder of images holds.

    Attributes:
        path: the folder.
        places: where each image is that can be decoded, by its name in the folder.
        sizes: width and height, upright, int (N, 2), in the order of `places`.
        modes: how many images are stored in each PIL mode.
        orientations: how many images have each EXIF orientation, 1 to 8; of the others nothing is said.
        megabytes: size of the files of images.
        broken: why an image cannot be decoded, by its name.
        unread: how many other files there are, by their suffix ("" for none).
        copies: the names of files with the same bytes, each group sorted.
        alike: pairs of images that look alike and are no copies of each other.
        split_is_drawn: whether the split is drawn, and not the folder's own.
        has_scenes: whether images stand in subfolders of their class, which are kept together.
        refusal: why no classifier can be trained on the folder; "" where one can.
    """

    path: Path
    places: Mapping[str, Place]
    sizes: np.ndarray
    modes: Mapping[str, int]
    orientations: Mapping[int, int]
    megabytes: float
    broken: Mapping[str, str]
    unread: Mapping[str, int]
    copies: Sequence[Sequence[str]]
    alike: Sequence[tuple[str, str]]
    split_is_drawn: bool
    has_scenes: bool
    refusal: str

    def counts(self) -> dict[str, Counter[Part]]:
        """Return how many images each class has in each part of the split, sorted by class."""
        counts: dict[str, Counter[Part]] = {}
        for part, class_name in self.places.values():
            counts.setdefault(class_name, Counter())[part] += 1
        return dict(sorted(counts.items()))

    def images(self, part: Part) -> int:
        """Return how many images are in a part of the split."""
        return sum(place.part == part for place in self.places.values())

    def crosses(self, names: Sequence[str]) -> list[str]:
        """Return what images do not have in common, although they are the same: "parts", "classes", or neither."""
        places = [self.places[name] for name in names]
        differing = (("parts", {place.part for place in places}), ("classes", {place.class_name for place in places}))
        return [what for what, values in differing if len(values) > 1]


def survey_folder(path: Path, held_out: float, seed: int, links: bool = False) -> Survey:
    """Read every image of a folder once, and return what the folder holds.

    Args:
        path: the folder.
        held_out: the fraction of each class to evaluate on, where the folder has no split of its own.
        seed: the seed of the split.
        links: whether links are followed.

    Raises:
        UserError: `path` is no folder, or holds no images.
    """
    archive: Archive
    labelled: LabelledImages | None = None
    refusal = ""
    try:
        archive, labelled = read_class_folders(path, held_out, seed, links)
    except UserError as error:
        if not path.is_dir():
            raise
        archive, refusal = open_folder(path, links), str(error)
    names = image_names(archive)
    if not names:
        raise UserError(f"{path} holds no images (none of {', '.join(IMAGE_SUFFIXES)})")
    looked = _look_at_all(archive, names)
    places = _places(names, labelled)
    sound = [name for name in names if name not in looked.broken]
    copies = [sorted(group) for group in looked.by_digest.values() if len(group) > 1]
    known = {frozenset((first, second)) for group in copies for first in group for second in group}
    pairs = ((sound[first], sound[second]) for first, second in _alike([looked.thumbnails[name] for name in sound]))
    return Survey(
        path=path,
        places={name: places[name] for name in sound},
        sizes=np.array([looked.sizes[name] for name in sound], np.int64).reshape(-1, 2),
        modes=looked.modes,
        orientations=looked.orientations,
        megabytes=looked.bytes / 1e6,
        broken=looked.broken,
        unread=dict(sorted(Counter(Path(name).suffix.lower() for name in set(archive.names()) - set(names)).items())),
        copies=sorted(copies),
        alike=[pair for pair in pairs if frozenset(pair) not in known],
        split_is_drawn=labelled is not None and labelled.split_is_drawn,
        has_scenes=labelled is not None and labelled.split_is_drawn and any(name.count("/") > 1 for name in names),
        refusal=refusal,
    )


class _Looked:
    """What one pass over the images found; by name where it is of each."""

    def __init__(self) -> None:
        self.sizes: dict[str, tuple[int, int]] = {}
        self.thumbnails: dict[str, np.ndarray] = {}
        self.by_digest: dict[str, list[str]] = {}
        self.broken: dict[str, str] = {}
        self.modes: Counter[str] = Counter()
        self.orientations: Counter[int] = Counter()
        self.bytes = 0


def _look_at_all(archive: Archive, names: Sequence[str]) -> _Looked:
    looked = _Looked()
    progress = Progress("reading", len(names), "image")
    for done, name in enumerate(archive.order(names), 1):
        progress.update(done)
        try:
            data = archive.read(name)
            pixels, mode, orientation = examine_photo(data, name)
        except UserError as error:
            looked.broken[name] = str(error).removeprefix(f"{name} ")
            continue
        looked.bytes += len(data)
        looked.by_digest.setdefault(hashlib.sha256(data).hexdigest(), []).append(name)
        looked.sizes[name] = pixels.shape[1], pixels.shape[0]
        looked.thumbnails[name] = label_worth.thumbnail(pixels)
        looked.modes[mode] += 1
        if orientation is not None:
            looked.orientations[orientation] += 1
    progress.close()
    return looked


def _places(names: Sequence[str], labelled: LabelledImages | None) -> dict[str, Place]:
    """Return where each image is; where the folder is no data set, as far as its first folder says."""
    if labelled is None:
        return {name: Place("none", name.partition("/")[0] if "/" in name else "") for name in names}
    parts: tuple[tuple[Part, Sequence[tuple[str, int]]], ...] = (
        ("train", labelled.train), ("evaluate", labelled.valid),
    )  # fmt: skip
    return {item[0]: Place(part, labelled.classes[item[1]]) for part, items in parts for item in items}


def _alike(thumbnails: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Return the pairs of near-duplicates among thumbnails, the smaller index first."""
    every = np.stack(thumbnails) if thumbnails else np.zeros((0, label_worth.SIDE, label_worth.SIDE), np.uint8)
    pairs: list[tuple[int, int]] = []
    progress = Progress("comparing", len(every), "image")
    for start in range(0, len(every), BLOCK):
        block = every[start : start + BLOCK]
        found = label_worth.near_duplicates(every[: start + len(block)], block)
        pairs += [(first, start + second) for first, second in found if first < start + second]
        progress.update(start + len(block))
    progress.close()
    return pairs
