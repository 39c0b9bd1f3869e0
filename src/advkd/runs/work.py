"""How much work a training is: its steps, their batches and the images of its evaluations. This needs no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from advkd.damage import attempt
from advkd.data import registry
from advkd.data.settings import ClassifierStoreSettings
from advkd.data.store_meta import read_meta
from advkd.runs.stores import store_of
from advkd.settings import config_files
from advkd.settings.config import Resolved
from advkd.settings.gan import GanRun
from advkd.settings.user import User

DRAWN_CLASSES = 8  # of a classifier's drawn images
DEFECTS = 5  # classes of CODEBRIM
HELD_OUT = 0.1  # of a folder's images, where the settings do not say it


@dataclass(frozen=True)
class Images:
    """The numbers of classes, training images and evaluation images of a data set."""

    classes: int
    train: int
    valid: int


@dataclass(frozen=True)
class Work:
    """What a training does.

    Attributes:
        steps: by kind (real, synthetic), the number of steps and the images of each.
        evaluated: images that are evaluated, over all epochs.
    """

    steps: dict[str, tuple[int, int]]
    evaluated: int


def work_of(resolved: Resolved, images: Images) -> Work:
    """Return what the training of a run does on a data set."""
    typed, values = resolved.typed, resolved.settings
    if isinstance(typed, GanRun):
        return Work({"real": (typed.training.iterations, typed.training.batch)}, 0)
    epochs = typed.recipe.epochs
    steps: dict[str, tuple[int, int]] = {}
    if synthetic := values.get("synthetic_steps"):
        steps["synthetic"] = (epochs * int(str(synthetic)), int(str(values["synthetic_batch"])))
    if "batch" in values:
        batch = int(str(values["batch"]))
        steps["real"] = (epochs * math.ceil(typed.passes * images.train / batch), batch)
    return Work(steps, epochs * images.valid)


def images_of(resolved: Resolved, user: User) -> Images | None:
    """Return the numbers of images that a run sees, from its prepared data or, without them, from its settings.

    None where only the preparation will tell: all crops of annotated photos, and a folder that cannot be read.
    """
    prepared, _ = attempt(_in_store, store_of(resolved, user))  # not of one that another version described
    if prepared:
        return prepared
    data = resolved.typed.data
    if isinstance(resolved.typed, GanRun):  # its steps do not follow from its images
        labelled = resolved.typed.labelled
        return Images((labelled.class_count if labelled else None) or DEFECTS, 0, 0)
    assert isinstance(data, ClassifierStoreSettings)
    if data.crops:
        return _crops(data, resolved.settings)
    if data.drawn:
        size = data.drawn.made_per_class
        return _limited(data, Images(DRAWN_CLASSES, DRAWN_CLASSES * size, DRAWN_CLASSES * max(4, size // 2)))
    if data.data == "folder":
        return _in_folder(data, Path(user.folders[data.dataset]))
    official = registry.load(config_files.REGISTRY)[data.dataset].official
    return _limited(data, Images(**official)) if official else None


def _in_store(store: Path) -> Images:
    """Return the numbers of images in a prepared data set."""
    meta = read_meta(store)
    return Images(len(meta["classes"]), meta["images"], meta["held_out"])


def _crops(data: ClassifierStoreSettings, values: Mapping[str, object]) -> Images | None:
    """Return the numbers of crops that are asked for, generated ones among them; the photos may hold fewer."""
    classes, train, valid = data.class_count, data.train_per_class, data.valid_per_class
    if not (classes and train and valid):
        return None
    generated = int(str(values.get("synthetic", 0)))
    return Images(classes, classes * (generated + (0 if values.get("alone") else train)), classes * valid)


def _limited(data: ClassifierStoreSettings, there: Images) -> Images:
    """Return how many of the images are taken: of the first classes, and of each class the first images."""
    classes = min(data.classes or there.classes, there.classes)
    train, valid = there.train // there.classes, there.valid // there.classes  # of a class
    return Images(
        classes,
        classes * min(data.train_per_class or train, train),
        classes * min(data.valid_per_class or valid, valid),
    )


def _in_folder(data: ClassifierStoreSettings, folder: Path) -> Images | None:
    """Return the numbers of images of a user's folder, whose subfolders are classes."""
    from advkd.data.images import IMAGE_SUFFIXES  # loads numpy

    files, _ = attempt(lambda: [path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES])
    if not files:
        return None
    valid = round(len(files) * (data.folder.held_out if data.folder else HELD_OUT))
    return Images(max(len({path.parent for path in files}), 2), len(files) - valid, valid)
