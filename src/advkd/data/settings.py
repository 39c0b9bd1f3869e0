"""The settings that determine a prepared data set (a store).

A store's name, its meta.json and the command line use them in their flat form (`advkd.schema`).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from advkd.bounds import Bounds, Count, Fraction, Natural
from advkd.schema import Optionally, Settings, Unless, When

OF_FOLDER = "folder"  # what `generator` is where the generated images lie in the user's folder
ANNOTATED = "codebrim"  # the data set of annotated photos, of which a classifier sees crops
Data = Literal["real", "made", "folder"]  # the official archive, drawn images, or a folder of the user's images
Crop = Literal["window", "resized"]
ImageSize = Literal[64]


@dataclass(frozen=True, kw_only=True)
class DrawnPhotos(Settings):
    """How many photos to draw where a GAN's photos are drawn."""

    made_photos: Annotated[int, Bounds(ge=10)]  # photos in the drawn archive


@dataclass(frozen=True, kw_only=True)
class CropStoreSettings(Settings):
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
    drawn: Annotated[DrawnPhotos | None, When("data", "made")] = None

    @property
    def size_drawn(self) -> int | None:
        """How many photos are drawn; None where none are."""
        return self.drawn.made_photos if self.drawn else None


@dataclass(frozen=True, kw_only=True)
class FolderSplit(Settings):
    """How to set images aside where a folder of images has no split of its own."""

    held_out: Annotated[float, Bounds(gt=0, lt=1)]  # fraction of each class to evaluate on
    data_seed: Natural  # seed of the split


@dataclass(frozen=True, kw_only=True)
class DrawnImages(Settings):
    """How many images to draw where a classifier's images are drawn."""

    made_per_class: Annotated[int, Bounds(ge=4)]  # training images of each class in the drawn archive


@dataclass(frozen=True, kw_only=True)
class LabelledCrops(Settings):
    """How crops of annotated photos become the images of a classifier."""

    # The classes beside the background: each kind of defect, or cracks and all other defects.
    labels: Literal["defects", "crack"]
    # "window": pixels as photographed; "resized": a random square of the box, resized to `stored_size`; "box": as
    # that, but the largest square of the box, so that the defect is in it.
    cut: Literal["window", "resized", "box"]
    # Which draw of the training crops; the crops to evaluate on are the same for all.
    subset: Natural
    test_photos: Annotated[float, Bounds(gt=0, lt=1)]  # fraction of the photos to evaluate on
    data_seed: Natural  # seed of the split and of the crops

    @property
    def count(self) -> int:
        """The number of classes, with the background."""
        return 6 if self.labels == "defects" else 3


@dataclass(frozen=True, kw_only=True)
class GeneratedImages(Settings):
    """Images of a generator in the training part of a data set, beside the real ones or in their place."""

    # Whose images: a name of `generators` in config/okd.yaml, which is trained on the training part, and on nothing
    # else; or "folder": all images that `advkd synthesize --into` drew into the folder of the real ones.
    generator: str
    synthetic: Annotated[Count | None, Unless("generator", OF_FOLDER)] = None  # how many images of each class
    alone: bool  # whether the real training images are left out


@dataclass(frozen=True, kw_only=True)
class ClassifierStoreSettings(Settings):
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
    # "cut": without the banner at the bottom that credits the photographer; None: as published.
    banner: Annotated[Literal["cut"] | None, Optionally("dataset", "fgvc_aircraft")] = None
    folder: Annotated[FolderSplit | None, When("data", "folder")] = None
    crops: Annotated[LabelledCrops | None, When("dataset", ANNOTATED), When("data", "real", "made")] = None
    drawn: Annotated[DrawnImages | None, When("data", "made"), Unless("dataset", ANNOTATED)] = None
    drawn_photos: Annotated[DrawnPhotos | None, When("data", "made"), When("dataset", ANNOTATED)] = None

    @property
    def class_count(self) -> int | None:
        """The number of classes, as far as the settings say it: of other data than crops only where `classes` does."""
        if self.crops is None:
            return self.classes
        return min(self.crops.count, self.classes or self.crops.count)

    @property
    def size_drawn(self) -> int | None:
        """How many images of a class, or photos, are drawn; None where none are."""
        if self.drawn_photos:
            return self.drawn_photos.made_photos
        return self.drawn.made_per_class if self.drawn else None
