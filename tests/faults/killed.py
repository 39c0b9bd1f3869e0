"""The pieces of work that are killed: one training of every kind, a preparation, an evaluation, a table; all tiny.

Each lies in a folder of its own, with what it needs made there before by the same command lines. DAFL's and GAN-TSC's
students are no kinds of their own: DAFL trains by GIP's code, with its state, and GAN-TSC has none beside the student.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kills import Work, live

from advkd.settings import config
from advkd.settings.config import Resolved
from checkouts import ROOT

OKD = {"crops": 24, "held_out_crops": 8, "made_photos": 10, "batch": 4, "iterations": 6, "early_iteration": 0,
       "fakes": 4, "curve_fakes": 2}  # fmt: skip
AIKD, GIP = {"epochs": 6, "batch": 16}, {"epochs": 3, "batch": 16, "made_per_class": 8, "synthetic_steps": 3}
REAL_STEPS = 4  # of an epoch of GIP: 8 images of each of 8 classes, in batches of 16
USER = {"device": "cpu", "seeds": 1}
TINY = {**USER, "checkpoint_seconds": 0.1, "override": {"okd": OKD, "aikd": AIKD, "gip": GIP}}
LARGE = {**USER, "override": {"okd": {**OKD, "crops": 5000, "held_out_crops": 1000, "made_photos": 150},
                              "aikd": {"made_per_class": 150}}}  # fmt: skip
BRIEF = {
    **USER,
    "checkpoint_seconds": 0,
    "override": {"okd": {**OKD, "iterations": 2}, "aikd": {"epochs": 1, "batch": 48}},
}
TRAININGS = {
    "classifier": "aikd/cifar100/preact_resnet18/baseline/seed0",
    "pskd": "aikd/cifar100/preact_resnet18/pskd/seed0",
    "aikd": "aikd/cifar100/preact_resnet18/aikd/seed0",
    "gip": "gip/cifar10/resnet18/gip/seed0",
    "gantsc_gan": "gip/cifar10/acgan/acgan/seed0",
    "sagan": "okd/codebrim/sagan/okd/seed0",
    "acgan": "okd/codebrim/acgan/okd/seed0",
}


def resolved(run: str, settings: dict[str, Any] = TINY) -> Resolved:
    """Return the settings of a run under what a user sets."""
    return config.resolve(run, config.user(settings))


def command(*words: str, settings: dict[str, Any] = TINY) -> list[str]:
    """Return a command of `advkd` with what a user sets."""
    return [*words, "--config", *(f"{key}={json.dumps(value)}" for key, value in settings.items())]


def training(name: str, folder: Path, settings: dict[str, Any] = TINY) -> Work:
    """Return a training, with its store and the runs that it learns from."""
    place, one = workplace(folder, name), resolved(TRAININGS[name], settings)
    for parent in one.parents.values():
        train(place, parent)
    make_store(place, one)
    parts = {"synthetic": one.settings["synthetic_steps"], "real": REAL_STEPS} if name == "gip" else {}
    words = command("train", str(one.run), settings=settings)
    return Work(name, place, words, one.run.folder(one.scale), parts)


def draw(name: str, folder: Path) -> Work:
    """Return the drawing of an archive."""
    one = resolved(TRAININGS["sagan"])
    return Work(name, workplace(folder, name), _draw(one))


def preparation(name: str, folder: Path, settings: dict[str, Any] = LARGE) -> Work:
    """Return the preparation of a store for a classifier, or for a GAN, from drawn archives."""
    place, one = workplace(folder, name), resolved(PREPARED[name], settings)
    live(Work(name, place, _draw(one)))
    return Work(name, place, _prepare(one))


def reals(name: str, folder: Path) -> Work:
    """Return the features of a store's images."""
    place, one = workplace(folder, name), resolved(TRAININGS["sagan"])
    make_store(place, one)
    return Work(name, place, _reals(one))


def evaluation(name: str, folder: Path) -> Work:
    """Return the evaluation of a GAN."""
    place, one = workplace(folder, name), resolved("okd/codebrim/sagan/single/seed0")
    train(place, one)
    live(Work(name, place, _reals(one)))
    metrics, features = one.run.folder(one.scale) / "metrics.json", str(FEATURES / one.store)
    words = ["evaluate", str(one.run), "--threads", "1", "--reals", features, "--out", str(metrics)]
    return Work(name, place, command(*words))


def table(name: str, folder: Path) -> Work:
    """Return a table, which computes the metrics of the classifiers that it shows, one of which is trained."""
    place = workplace(folder, name)
    train(place, resolved(TRAININGS["classifier"]))
    return Work(name, place, command("table", "aikd_table2", "--out", "results/smoke/tables"))


def workplace(folder: Path, name: str) -> Path:
    """Make the folder of the work `name`, with the checkout's configuration and published numbers."""
    place = folder / name
    place.mkdir(parents=True)
    for part in ("config", "paper"):
        (place / part).symlink_to(ROOT / part)
    return place


def train(place: Path, one: Resolved) -> None:
    """Train a run in `place`, after those that it learns from."""
    for parent in one.parents.values():
        train(place, parent)
    make_store(place, one)
    live(Work(str(one.run), place, command("train", str(one.run))))


def make_store(place: Path, one: Resolved) -> None:
    """Prepare the store that a run reads, if it is not there."""
    if not (place / STORES / one.store).exists():
        for words in (_draw(one), _prepare(one)):
            live(Work(one.store, place, words))


def _draw(one: Resolved) -> list[str]:
    size = one.settings["made_photos" if one.loop == "gan" else "made_per_class"]
    return command("draw", one.run.dataset, "--size", str(size), "--out", f"data/made/{one.run.dataset}.json")


def _prepare(one: Resolved) -> list[str]:
    settings, out = json.dumps(one.store_settings), str(STORES / one.store)
    return command("prepare", f"data/made/{one.run.dataset}.json", "--settings", settings, "--out", out)


def _reals(one: Resolved) -> list[str]:
    store, out = str(STORES / one.store), str(FEATURES / one.store)
    return command("reals", store, "--threads", "1", "--dims", str(one.settings["features"]), "--out", out)


STORES, FEATURES = Path("data/stores"), Path("data/features")
PREPARED = {"classifiers_store": "aikd/cub200/resnet18/baseline/seed0", "gan_store": TRAININGS["sagan"]}
WORKS: dict[str, Callable[[str, Path], Work]] = {
    **dict.fromkeys(TRAININGS, training),
    "draw": draw,
    **dict.fromkeys(PREPARED, preparation),
    "reals": reals,
    "evaluation": evaluation,
    "table": table,
}
BRIEF_WORKS: dict[str, Callable[[str, Path], Work]] = {
    "draw": draw,
    **dict.fromkeys(PREPARED, partial(preparation, settings=BRIEF)),
    **dict.fromkeys(("classifier", "acgan"), partial(training, settings=BRIEF)),
    "evaluation": evaluation,
    "table": table,
}
