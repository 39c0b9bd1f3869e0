"""What the settings of every method share, and how methods are found."""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import ClassVar, Literal

from advkd.errors import UserError
from advkd.schema import Settings

ENTRY_POINTS = "advkd.methods"
IMPLEMENTATION = re.compile(r"(?P<module>\w+(\.\w+)*):\w+")
Precision = Literal["float32", "bfloat16"]
Epoch = Literal["last", "best"]


@dataclass(frozen=True, kw_only=True)
class MethodSettings(Settings):
    """The settings of one method. A subclass gives every field a default: the published value.

    Attributes:
        papers: the papers whose runs may name the method.
        implementation: the class that computes the loss, as "module:Class".
    """

    papers: ClassVar[tuple[str, ...]]
    implementation: ClassVar[str]

    method: str  # its name in a run's name; a subclass declares it as a Literal


@dataclass(frozen=True, kw_only=True)
class Superior(Settings):
    """The run that a student of self-distillation learns from: it has the student's seed, data and network."""

    superior: Literal["baseline"] = "baseline"  # method of that run
    superior_weights: Epoch = "last"  # which epoch of that run


@dataclass(frozen=True, kw_only=True)
class WithTeacher(MethodSettings):
    """What the methods share that learn from a larger network, the teacher: the Baseline run of the same seed."""

    teacher: Literal["resnet34", "wrn28_10"] = "resnet34"  # the teacher's network
    teacher_weights: Epoch = "last"  # which epoch of the teacher's run; open in the paper, DAFL's teacher is the last
    frozen_precision: Precision = "float32"  # of the teacher's convolutions


@cache
def registered(paper: str) -> Mapping[str, type[MethodSettings]]:
    """Return the settings of all methods that a paper's runs may name, by name, in alphabetical order."""
    return MappingProxyType({name: settings for name, settings in sorted(_all().items()) if paper in settings.papers})


@cache
def _all() -> dict[str, type[MethodSettings]]:
    """Return the settings of every method by name.

    Raises:
        UserError: two methods have one name, or an entry point names no method that can be used.
    """
    package = importlib.import_module("advkd.methods.settings")
    classes: list[type[MethodSettings]] = []
    for module in pkgutil.iter_modules(package.__path__):
        content = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        classes += [part for part in content.values() if _declares_a_method(part, f"{package.__name__}.{module.name}")]
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        classes.append(_load(entry))
    methods: dict[str, type[MethodSettings]] = {}
    for settings in classes:
        if not isinstance(settings, type) or not issubclass(settings, MethodSettings):
            raise UserError(f"{settings!r} of the entry points {ENTRY_POINTS} is not a subclass of MethodSettings")
        name = _name_of(settings)
        if name is None:
            raise UserError(f"{settings.__module__}.{settings.__name__} gives its field `method` no default")
        if name in methods:
            raise UserError(f"two methods are called {name!r}: {methods[name].__module__} and {settings.__module__}")
        methods[name] = settings
    return methods


def _load(entry: importlib.metadata.EntryPoint) -> type[MethodSettings]:
    """Return the settings that an entry point names; raises UserError where these describe no method."""
    method = f"the method {entry.name} ({entry.value})"
    try:
        settings = entry.load()
    except Exception as error:  # whatever another package's code raises
        raise UserError(f"{method} cannot be loaded: {' '.join(str(error).split())}") from error
    if not isinstance(settings, type) or not issubclass(settings, MethodSettings):
        raise UserError(f"{method} is no subclass of advkd.methods.settings.base.MethodSettings")
    if not isinstance(getattr(settings, "papers", None), tuple):
        raise UserError(f"{method} must name its papers in a tuple, as `papers: ClassVar = ('aikd',)`")
    named = IMPLEMENTATION.fullmatch(getattr(settings, "implementation", ""))
    if not named or not _exists(named["module"]):
        raise UserError(
            f"{method} must name the class of its loss, as `implementation: ClassVar = 'package.module:Class'`"
        )
    return settings


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # the package around it is missing
        return False


def _declares_a_method(part: object, module: str) -> bool:
    if not isinstance(part, type) or not issubclass(part, MethodSettings):
        return False
    return part.__module__ == module and _name_of(part) is not None


def _name_of(settings: type[MethodSettings]) -> str | None:
    """Return the name by which runs call a method; None of a class that only others inherit from."""
    default = next(field.default for field in fields(settings) if field.name == "method")
    return default if isinstance(default, str) else None
