"""The jobs that the tests kill: a training of each kind, preparations, an evaluation, a table, all of them tiny.

Each has its own folder, in which the same command lines first make what it needs. Students of DAFL and GAN-TSC are no
kinds of their own: DAFL is trained by GIP's code and has its state, and GAN-TSC has no state beside the student.
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kills import Work, live

from advkd.runs.lookup import folder_of
from advkd.settings import config
from advkd.settings.config import Resolved
from checkouts import ROOT

OKD = {"crops": 24, "held_out_crops": 8, "made_photos": 10, "batch": 4, "iterations": 6, "early_iteration": 0,
       "fakes": 4, "curve_fakes": 2}  # fmt: skip
AIKD, GIP = {"epochs": 6, "batch": 16}, {"epochs": 3, "batch": 16, "made_per_class": 8, "synthetic_steps": 3}
REAL_STEPS = 4  # in an epoch of GIP: 8 images of each of 8 classes, in batches of 16
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
    """Return a run with the given user settings."""
    return config.resolve(run, config.user(settings))


def command(*words: str, settings: dict[str, Any] = TINY) -> list[str]:
    """Return the words of an `advkd` command with the given user settings."""
    return [*words, "--config", *(f"{key}={json.dumps(value)}" for key, value in settings.items())]


def training(name: str, folder: Path, settings: dict[str, Any] = TINY) -> Work:
    """Return a training whose store and parent runs exist."""
    place, target = workplace(folder, name), resolved(TRAININGS[name], settings)
    for parent in target.parents.values():
        train(place, parent)
    make_store(place, target)
    parts = {"synthetic": target.settings["synthetic_steps"], "real": REAL_STEPS} if name == "gip" else {}
    words = command("train", str(target.run), settings=settings)
    return Work(name, place, words, folder_of(target).path, parts)


def draw(name: str, folder: Path) -> Work:
    """Return the job that draws an archive."""
    target = resolved(TRAININGS["sagan"])
    return Work(name, workplace(folder, name), _draw(target))


def preparation(name: str, folder: Path, settings: dict[str, Any] = LARGE) -> Work:
    """Return the job that prepares a store, for a classifier or a GAN, from drawn archives."""
    place, target = workplace(folder, name), resolved(PREPARED[name], settings)
    live(Work(name, place, _draw(target)))
    return Work(name, place, _prepare(target))


def reals(name: str, folder: Path) -> Work:
    """Return the job that computes the features of a store's images."""
    place, target = workplace(folder, name), resolved(TRAININGS["sagan"])
    make_store(place, target)
    return Work(name, place, _reals(target))


def evaluation(name: str, folder: Path) -> Work:
    """Return the job that evaluates a GAN."""
    place, target = workplace(folder, name), resolved("okd/codebrim/sagan/single/seed0")
    train(place, target)
    live(Work(name, place, _reals(target)))
    metrics, features = folder_of(target).path / "metrics.json", str(FEATURES / target.store)
    words = ["evaluate", str(target.run), "--reals", features, "--out", str(metrics)]
    return Work(name, place, command(*words))


def table(name: str, folder: Path) -> Work:
    """Return the job that makes a table with a single trained classifier, whose metrics it computes."""
    place = workplace(folder, name)
    train(place, resolved(TRAININGS["classifier"]))
    return Work(name, place, command("table", "aikd_table2", "--out", "results/smoke/tables"))


def workplace(folder: Path, name: str) -> Path:
    """Make the folder of the job `name`, with the checkout's configuration and published numbers."""
    place = folder / name
    place.mkdir(parents=True)
    for part in ("config", "paper"):
        (place / part).symlink_to(ROOT / part)
    return place


def train(place: Path, target: Resolved) -> None:
    """Train a run in `place`, after its parent runs."""
    for parent in target.parents.values():
        train(place, parent)
    make_store(place, target)
    live(Work(str(target.run), place, command("train", str(target.run))))


def make_store(place: Path, target: Resolved) -> None:
    """Prepare the store that a run reads, unless it exists."""
    if not (place / STORES / target.store).exists():
        for words in (_draw(target), _prepare(target)):
            live(Work(target.store, place, words))


def _draw(target: Resolved) -> list[str]:
    size = target.settings["made_photos" if target.loop == "gan" else "made_per_class"]
    return command("draw", target.run.dataset, "--size", str(size), "--out", f"data/made/{target.run.dataset}.json")


def _prepare(target: Resolved) -> list[str]:
    settings, out = json.dumps(target.store_settings), str(STORES / target.store)
    return command("prepare", f"data/made/{target.run.dataset}.json", "--settings", settings, "--out", out)


def _reals(target: Resolved) -> list[str]:
    store, out = str(STORES / target.store), str(FEATURES / target.store)
    return command("reals", store, "--features", target.features, "--out", out)


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
