"""The files of config/: read again whenever they or the working directory change, and checked in their outline.

They are named as in a checkout; `advkd.places` finds those that came with the package.
"""

import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import yaml

from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.opening import read_text
from advkd.places import find, find_all
from advkd.settings.names import MOST_SEEDS, PAPERS
from advkd.suggestions import did_you_mean

Layer = Mapping[str, object]

State = tuple[str, int, int]  # what tells a file's content from every other's: its place, its time and its size

CONFIG = Path("config")
REGISTRY = CONFIG / "datasets.yaml"


class PaperFile(NamedTuple):
    """config/PAPER.yaml. Nothing in it can be changed, since all callers share it."""

    path: Path
    defaults: Layer
    datasets: Mapping[str, Layer]
    models: Mapping[str, Layer]  # a network's settings; under `where`, those beside a variant KEY=VALUE
    # What a method changes of the run's settings; under `where`, for a data set or network.
    methods: Mapping[str, Layer]
    folders: Layer  # of data sets that are a folder of the user's
    started: Layer  # of runs that start from a trained network
    variants: tuple[str, ...]
    generators: Mapping[str, str]  # MODEL/METHOD[+KEY=VALUE] of GANs whose images a classifier may be trained with


class Section(NamedTuple):
    """What a scale changes for all runs of a paper, or for those of one model, data set or method."""

    path: str  # file and section, for messages
    set: Layer
    multiply: Mapping[str, float]


class ScaleFile(NamedTuple):
    """config/scales/SCALE.yaml. Nothing in it can be changed, since all callers share it."""

    path: Path
    data: Literal["real", "made"]
    threads: int
    seeds: Mapping[str, int]
    sections: Mapping[str, Mapping[str, Section]]  # by paper, then by what they are for


def read(path: Path, parse: Callable[[str], object] | None = None) -> dict[str, object]:
    """Return a copy of a configuration file's keys and values.

    Args:
        path: the file, as `find` takes it.
        parse: reads the file's text; None: as YAML.

    Raises:
        UserError: the file is missing or malformed.
    """
    try:
        content = parse(read_text(find(path))) if parse else read_yaml(find(path))
    except FileNotFoundError:
        raise UserError(missing(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not content:  # an empty file
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values")
    return content


def missing(path: Path) -> str:
    """Return what to say about a file that is nowhere."""
    return f"{path} is missing: start from the top folder of the checkout, or of a project (advkd init makes one)"


def state(path: Path) -> State:
    """Return the state of a file, where `find` finds it."""
    path = find(path)
    about = path.stat()
    # Every resolved run asks for this, and Path.absolute takes ten times as long.
    return os.path.abspath(path), about.st_mtime_ns, about.st_size  # noqa: PTH100


def states(papers: Iterable[str], scale: str) -> tuple[State | None, ...]:
    """Return the state of the files that a run's settings come from; a missing one is told when it is read.

    Args:
        papers: the papers whose files are read.
        scale: the scale.
    """
    return tuple(_state_or_none(path) for path in (*map(_path_of_paper, papers), _path_of_scale(scale)))


# A report asks for these tens of thousands of times, and pathlib is slow in joining them.
@cache
def _path_of_paper(paper: str) -> Path:
    return CONFIG / f"{paper}.yaml"


@cache
def _path_of_scale(scale: str) -> Path:
    return CONFIG / "scales" / f"{scale}.yaml"


def _state_or_none(path: Path) -> State | None:
    try:
        return state(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def paper_file(paper: str) -> PaperFile:
    """Return a paper's configuration; raises UserError where one of its sections is missing."""
    path = _path_of_paper(paper)
    return _paper_file(path, _state_or_none(path))


@lru_cache(maxsize=64)
def _paper_file(path: Path, state: State | None) -> PaperFile:
    content = read(path)
    for section in ("defaults", "models", "datasets", "methods"):
        if not isinstance(content.get(section), dict):
            raise UserError(f"{path}: expected keys and values under {section}")
    parts = {name: _layers(content[name], f"{path} {name}") for name in ("datasets", "models", "methods")}
    variants = content.get("variants") or []
    if not isinstance(variants, list) or not all(isinstance(name, str) for name in variants):
        raise UserError(f"{path}: variants must be a list of run groups")
    names = ("defaults", "generators", "folders", "started")
    defaults, generators, folders, started = (mapping(content.get(name), f"{path} {name}") for name in names)
    texts = {name: str(group) for name, group in generators.items()}
    return PaperFile(
        path,
        defaults,
        **parts,
        folders=folders,
        started=started,
        variants=tuple(variants),
        generators=MappingProxyType(texts),
    )


def _layers(content: object, source: str) -> Mapping[str, Layer]:
    layers = {name: mapping(layer, f"{source}.{name}") for name, layer in mapping(content, source).items()}
    return MappingProxyType(layers)


def scale_names() -> list[str]:
    """Return the scales that have a file, in alphabetical order."""
    return sorted(path.stem for path in find_all(CONFIG / "scales", "*.yaml"))


def scale_file(scale: str) -> ScaleFile:
    """Return the content of a scale's file; raises UserError naming the scales that there are."""
    path = _path_of_scale(scale)
    if not find(path).exists():
        names = scale_names()
        there = did_you_mean(scale, names) or f": config/scales has {', '.join(names)}"
        raise UserError(f"scale {scale!r} is unknown{there}")
    return _scale_file(path, state(path))


@lru_cache(maxsize=64)
def _scale_file(path: Path, state: State) -> ScaleFile:
    content = read(path)
    only(content, {"data", "threads", "seeds", *PAPERS}, str(path))
    data, threads = content.get("data"), content.get("threads")
    if data != "real" and data != "made":
        raise UserError(f"{path}: data is {data!r}; allowed: real, made")
    if not isinstance(threads, int) or threads < 1:
        raise UserError(f"{path}: threads is {threads!r}; allowed: a number from 1")
    sections = {paper: _sections(content.get(paper), f"{path} {paper}") for paper in PAPERS}
    return ScaleFile(path, data, threads, _seeds(content.get("seeds"), path), MappingProxyType(sections))


def _seeds(content: object, path: Path) -> Mapping[str, int]:
    seeds: dict[str, int] = {}
    known = {*PAPERS, *(f"{paper}/{dataset}" for paper in PAPERS for dataset in registered_datasets())}
    for name, count in mapping(content, f"{path} seeds").items():
        if name in known and type(count) is int and 0 < count <= MOST_SEEDS:
            seeds[name] = count
        elif name not in PAPERS:
            raise UserError(f"{path}: seeds of {name} is {count!r}; allowed: PAPER or PAPER/DATASET, and a number")
    if not seeds.keys() >= set(PAPERS):
        raise UserError(f"{path}: seeds must be given for {', '.join(PAPERS)}, as numbers from 1 to {MOST_SEEDS}")
    return MappingProxyType(seeds)


def _sections(content: object, source: str) -> Mapping[str, Section]:
    sections = {}
    for name, changes in mapping(content, source).items():
        where = f"{source}.{name}"
        parts = mapping(changes, where)
        only(parts, {"set", "multiply"}, where)
        multiply: dict[str, float] = {}
        for key, factor in mapping(parts.get("multiply"), f"{where} multiply").items():
            if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < math.inf:
                raise UserError(f"{where}: {key} is multiplied by {factor!r}; allowed: a number above 0")
            multiply[key] = factor
        sections[name] = Section(where, mapping(parts.get("set"), f"{where} set"), MappingProxyType(multiply))
    return MappingProxyType(sections)


def registered_datasets() -> list[str]:
    """Return the names of the data sets of the registry."""
    return [name for name in read(REGISTRY) if name != "weights"]


def only(keys: Iterable[str], known: Collection[str], source: str) -> None:
    """Raise UserError, naming `source`, where a key is not among the known ones."""
    for key in keys:
        if key not in known:
            allowed = did_you_mean(key, known) or f"; allowed: {', '.join(sorted(known))}"
            raise UserError(f"{source}: unknown key {key!r}{allowed}")


def mapping(value: object, source: str) -> Layer:
    """Return a view of keys and values that cannot be changed, also inside; empty for None.

    Raises:
        UserError: `value` is something else.
    """
    if value is None:
        return MappingProxyType({})
    if isinstance(value, MappingProxyType):
        return value
    if not isinstance(value, dict):
        raise UserError(f"{source}: expected keys and values, found {thawed(value)!r}")
    return MappingProxyType({key: _frozen(inner) for key, inner in value.items()})


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(inner) for key, inner in value.items()})
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list) else value


def thawed(value: object) -> object:
    """Return a value of a file as it was read: lists and dictionaries, which nobody shares."""
    if isinstance(value, MappingProxyType):
        return {key: thawed(inner) for key, inner in value.items()}
    return [thawed(inner) for inner in value] if isinstance(value, tuple) else value
