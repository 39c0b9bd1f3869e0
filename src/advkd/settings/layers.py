"""The layers that a run's settings are laid down in, one over the other.

From the bottom: the method's own defaults, the paper's file (defaults, model, data set, method, and their exceptions),
the run's name, the scale, the user's override. Two rules complete the order:

- What the run's name says wins over everything: neither the scale nor the override sets it to another value.
- A scale's `multiply` changes lengths and sizes that are there, also those that the name says: `iterations=100000` is
  twice the paper's length at every scale. So two runs of different names have different settings at every scale.

How much of the data is taken is said for the papers' data sets. Of a user's folder, all is taken at every scale, unless
the run's name or the override says otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import NamedTuple

from advkd.errors import UserError
from advkd.methods.settings.base import MethodSettings, registered
from advkd.schema import Settings, default_of, keys_of, remembered
from advkd.settings import draws
from advkd.settings.config_files import Layer, mapping, only, paper_file, scale_file, thawed
from advkd.settings.names import Run, parse_value
from advkd.settings.papers import RUN_CLASSES
from advkd.suggestions import did_you_mean

NAME = "the run's name"
# How much of a data set is taken, and what stands for all of it. Image sizes are none: networks are built for them.
ALL_OF_A_FOLDER: dict[str, object] = {"classes": None, "train_per_class": None, "valid_per_class": None, "crops": 0}
LIMITS = {*ALL_OF_A_FOLDER, "held_out_crops"}
FIXED = {"dataset", "data", "model", "method", "seed"}  # set by the run's name, or for all runs of a scale


class Times(NamedTuple):
    """In place of a value: the whole number of the layers below, times a factor, and at least 1."""

    factor: float


def fold(run: Run, scale: str, folders: tuple[str, ...], override: Layer) -> tuple[dict[str, object], dict[str, str]]:
    """Return the values of a run's settings, laid one layer over the other, and the source of each.

    Args:
        run: the run's name.
        scale: a scale of config/scales.
        folders: the data sets that are a folder of the user's.
        override: the user's changes for all runs of the paper.

    Raises:
        UserError: a layer has an unknown key, or multiplies what is no whole number.
    """
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    known = keys_of(RUN_CLASSES[run.paper]).keys()
    for source, layer in layers(run, scale, folders, override):
        only(layer, known, source)
        for key, value in layer.items():
            if isinstance(value, Times):
                below = values.get(key, 0)
                if not isinstance(below, int):
                    raise UserError(f"{source}: multiply is for whole numbers, but {key} is {below!r}")
                if below:
                    values[key] = max(1, round(below * value.factor))
                    sources[key] = f"{source} ({below} x {value.factor:g})"
            else:
                values[key], sources[key] = thawed(value), source
    return values, sources


def layers(run: Run, scale: str, folders: tuple[str, ...], override: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield the layers of a run's settings from the bottom, each with the place that it comes from."""
    paper, sizes = paper_file(run.paper), scale_file(scale)
    method = _method(run)
    if run.dataset not in (*paper.datasets, *folders):
        meant = did_you_mean(run.dataset, [*paper.datasets, *folders])
        raise UserError(
            f"{run}: {run.dataset!r} is no data set of this paper ({', '.join(paper.datasets)}){meant or ';'}"
            f" a folder of images becomes one with --config 'folders={{{run.dataset}: DIR}}'"
        )
    if run.model not in paper.models:
        there = did_you_mean(run.model, paper.models) or f": {', '.join(paper.models)}"
        raise UserError(f"{run}: {run.model!r} is not among the models of {paper.path}{there}")
    changeable = keys_of(RUN_CLASSES[run.paper]).keys() - FIXED
    variant = {key: parse_value(value) for key, value in run.variant}
    if (draw := draws.draw_of(run)) is not None:
        variant[draws.KEY] = draw
    only(variant, changeable, str(run))
    only(override, changeable, f"override.{run.paper}")

    yield f"the method's defaults ({method.__module__})", defaults(method)
    yield NAME, {"dataset": run.dataset, "model": run.model, "method": run.method, "seed": run.seed}
    yield f"{paper.path} defaults", paper.defaults
    where = f"{paper.path} models.{run.model}"
    model, exceptions = _split(paper.models[run.model], where)
    only((str(pair).partition("=")[0] for pair in exceptions), changeable, f"{where}.where")
    yield where, model
    for pair in ("=".join(pair) for pair in run.variant):
        yield f"{where}.where.{pair}", mapping(exceptions.get(pair), f"{where}.where.{pair}")
    yield f"{paper.path} datasets.{run.dataset}", paper.datasets.get(run.dataset, {})
    own = run.dataset in folders
    if own:
        yield f"{paper.path} folders", paper.folders
    if "start" in variant or override.get("start") is not None:
        yield f"{paper.path} started", paper.started
    where = f"{paper.path} methods.{run.method}"
    changes, exceptions = _split(paper.methods.get(run.method, {}), where)
    only(exceptions, {*paper.datasets, *paper.models}, f"{where}.where")
    yield where, changes
    for name in (run.dataset, run.model):
        yield f"{where}.where.{name}", mapping(exceptions.get(name), f"{where}.where.{name}")
    yield NAME, variant
    yield f"{sizes.path} data", {"data": "folder" if own else sizes.data}
    if own:
        whole = {key: value for key, value in ALL_OF_A_FOLDER.items() if key in changeable and key not in variant}
        yield f"all of the folder {run.dataset}", whole
    sections = sizes.sections[run.paper]
    only(sections, {"all", *paper.models, *paper.datasets, *registered(run.paper)}, f"{sizes.path} {run.paper}")
    for name in dict.fromkeys(("all", run.model, run.dataset, run.method)):
        if section := sections.get(name):
            only([*section.set, *section.multiply], changeable, section.path)
            limits = LIMITS if own else set[str]()
            kept = {*variant, *limits}
            yield section.path, {key: value for key, value in section.set.items() if key not in kept}
            yield section.path, {key: Times(factor) for key, factor in section.multiply.items() if key not in limits}
    yield f"override.{run.paper}", {key: value for key, value in override.items() if key not in variant}


@remembered
def defaults(group: type[Settings]) -> dict[str, object]:
    """Return the default of every key of a group that has one, flat, whether or not it applies."""
    values: dict[str, object] = {}
    for field in fields(group):
        default = default_of(field)
        if isinstance(default, Settings):
            values.update(defaults(type(default)) | default.flat())
        elif default is not MISSING and default is not None:
            values[field.name] = default
    return values


def _method(run: Run) -> type[MethodSettings]:
    methods = registered(run.paper)
    if run.method not in methods:
        there = did_you_mean(run.method, methods) or f": {', '.join(methods)}"
        raise UserError(f"{run}: {run.method!r} is not among the methods of {run.paper}{there}")
    settings = methods[run.method]
    for key in keys_of(settings).keys() & keys_of(RUN_CLASSES[run.paper], without=("method",)).keys():
        raise UserError(f"{settings.__module__}: {key!r} is a setting of all runs of {run.paper}: rename it")
    return settings


def _split(layer: Layer, source: str) -> tuple[Layer, Mapping[str, object]]:
    """Return a layer without its `where`, and the exceptions that stand under that."""
    plain = {key: value for key, value in layer.items() if key != "where"}
    return plain, mapping(layer.get("where"), f"{source}.where")
