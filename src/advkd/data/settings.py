"""The settings that determine a prepared data set (a store), as plain dataclasses.

A store's name, its meta.json and the command line use the same settings in a flat form: a mapping from names to values
that leaves out what does not apply. Every field below has the name of its flat setting; `folder` and `drawn` only group
fields that apply together. `crop_store_settings` and `classifier_store_settings` build the dataclasses from the flat
form.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from advkd.bounds import Bounds, Count, Fraction, Natural
from advkd.errors import UserError

T = TypeVar("T")
Data = Literal["real", "made", "folder"]  # the official archive, drawn images, or a folder of the user's images
Crop = Literal["window", "resized"]
ImageSize = Literal[64]
DATA: tuple[Data, ...] = ("real", "made", "folder")
CROP: tuple[Crop, ...] = ("window", "resized")
IMAGE_SIZE: tuple[ImageSize, ...] = (64,)

# The names of the flat settings, in the order in which they are written.
CROP_STORE_KEYS = (
    "dataset", "data", "crops", "crop", "image_size", "held_out", "held_out_crops", "windows_per_image", "data_seed",
    "made_photos",
)  # fmt: skip
CLASSIFIER_STORE_KEYS = (
    "dataset", "data", "classes", "train_per_class", "valid_per_class", "stored_size", "held_out", "data_seed",
    "made_per_class",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DrawnPhotos:
    """How many photos to draw where a GAN's photos are drawn."""

    made_photos: Annotated[int, Bounds(ge=10)]  # photos in the drawn archive


@dataclass(frozen=True, kw_only=True)
class CropStoreSettings:
    """The settings of a store of crops, on which GANs are trained."""

    # Data set: a name of config/datasets.yaml or of `folders` in config/config.yaml.
    dataset: str
    # Where the photos come from.
    data: Data
    # Number of training crops; 0, for a folder of images only: `windows_per_image` of every training image.
    crops: Natural
    # "window": pixels as photographed; "resized": a random square resized to `image_size`.
    crop: Crop
    # Side of a crop in pixels; the networks are built for 64.
    image_size: ImageSize
    # Fraction of the photos that is set aside for the held-out crops.
    held_out: Fraction
    # Number of crops from the photos set aside.
    held_out_crops: Natural
    # Crops of each image. Only read for a folder of images, but part of the name of every store.
    windows_per_image: Count
    # Seed of the split and of the crops.
    data_seed: Natural
    # Only where `data` is "made".
    drawn: DrawnPhotos | None = None


@dataclass(frozen=True, kw_only=True)
class FolderSplit:
    """How to set images aside where a folder of images has no split of its own."""

    held_out: Annotated[float, Bounds(gt=0, lt=1)]  # fraction of each class to evaluate on
    data_seed: Natural  # seed of the split


@dataclass(frozen=True, kw_only=True)
class DrawnImages:
    """How many images to draw where a classifier's images are drawn."""

    made_per_class: Annotated[int, Bounds(ge=4)]  # training images of each class in the drawn archive


@dataclass(frozen=True, kw_only=True)
class ClassifierStoreSettings:
    """The settings of a store of labelled images, on which classifiers are trained."""

    # Data set: a name of config/datasets.yaml or of `folders` in config/config.yaml.
    dataset: str
    # Where the images come from.
    data: Data
    # Keep only the first so many classes; None: all.
    classes: Annotated[int, Bounds(ge=2)] | None = None
    # Keep only the first so many training images of each class; None: all.
    train_per_class: Count | None = None
    # Keep only the first so many evaluation images of each class; None: all.
    valid_per_class: Count | None = None
    # Side in pixels of the square to which the images are resized.
    stored_size: Annotated[int, Bounds(ge=8)]
    # Only where `data` is "folder".
    folder: FolderSplit | None = None
    # Only where `data` is "made".
    drawn: DrawnImages | None = None


def crop_store_settings(flat: Mapping[str, object]) -> CropStoreSettings:
    """Build the settings of a store of crops from their flat form.

    Args:
        flat: values by name, of `CROP_STORE_KEYS`; `made_photos` only where `data` is "made".

    Raises:
        UserError: a setting is missing, unknown, or of the wrong type.
    """
    _refuse_unknown(flat, CROP_STORE_KEYS)
    data = _choice(flat, "data", DATA)
    return CropStoreSettings(
        dataset=_value(flat, "dataset", str),
        data=data,
        crops=_value(flat, "crops", int),
        crop=_choice(flat, "crop", CROP),
        image_size=_choice(flat, "image_size", IMAGE_SIZE),
        held_out=_number(flat, "held_out"),
        held_out_crops=_value(flat, "held_out_crops", int),
        windows_per_image=_value(flat, "windows_per_image", int),
        data_seed=_value(flat, "data_seed", int),
        drawn=DrawnPhotos(made_photos=_value(flat, "made_photos", int)) if data == "made" else None,
    )


def classifier_store_settings(flat: Mapping[str, object]) -> ClassifierStoreSettings:
    """Build the settings of a store of labelled images from their flat form.

    Args:
        flat: values by name, of `CLASSIFIER_STORE_KEYS`; `held_out` and `data_seed` only where `data` is "folder",
            `made_per_class` only where it is "made". `classes`, `train_per_class` and `valid_per_class` may be absent.

    Raises:
        UserError: a setting is missing, unknown, or of the wrong type.
    """
    _refuse_unknown(flat, CLASSIFIER_STORE_KEYS)
    data = _choice(flat, "data", DATA)
    folder = drawn = None
    if data == "folder":
        folder = FolderSplit(held_out=_number(flat, "held_out"), data_seed=_value(flat, "data_seed", int))
    if data == "made":
        drawn = DrawnImages(made_per_class=_value(flat, "made_per_class", int))
    return ClassifierStoreSettings(
        dataset=_value(flat, "dataset", str),
        data=data,
        classes=_optional_count(flat, "classes"),
        train_per_class=_optional_count(flat, "train_per_class"),
        valid_per_class=_optional_count(flat, "valid_per_class"),
        stored_size=_value(flat, "stored_size", int),
        folder=folder,
        drawn=drawn,
    )


def _refuse_unknown(flat: Mapping[str, object], known: Collection[str]) -> None:
    for key in flat:
        if key not in known:
            raise UserError(f"{key!r} is not a setting of this kind of store; its settings are {', '.join(known)}")


def _value(flat: Mapping[str, object], key: str, kind: type[T]) -> T:
    if key not in flat:
        raise UserError(f"the settings of the store lack {key}")
    value = flat[key]
    # A bool is an int to isinstance, but no setting here is a switch.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"the setting {key} of the store is {value!r}, but must be of type {kind.__name__}")
    return value


def _number(flat: Mapping[str, object], key: str) -> float:
    if isinstance(flat.get(key), int):
        return _value(flat, key, int)
    return _value(flat, key, float)


def _optional_count(flat: Mapping[str, object], key: str) -> int | None:
    return _value(flat, key, int) if key in flat else None


def _choice(flat: Mapping[str, object], key: str, choices: tuple[T, ...]) -> T:
    value = _value(flat, key, type(choices[0]))
    for choice in choices:
        if value == choice:
            return choice
    raise UserError(f"the setting {key} of the store is {value!r}, but must be {' or '.join(map(str, choices))}")
