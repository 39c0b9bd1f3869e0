"""From names to settings: layers paper -> model -> data set -> method -> scale -> variant -> user, validated.

A scale's `set` never overrides what a variant names, and its `multiply` applies to everything, so two runs of
different names have different settings at every scale. `Resolved.sources` says for each key which file it came from.
"""

import dataclasses
import json
import math
import shlex
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from advkd.errors import UserError
from advkd.files import digest, read_yaml
from advkd.settings.aikd import AikdSettings
from advkd.settings.classifier import IMAGES
from advkd.settings.gan import GanSettings
from advkd.settings.gip import GipSettings
from advkd.settings.names import Run, check_written, parse_value
from advkd.settings.schema import RunSettings, Strict
from advkd.settings.user import User

CONFIG = Path("config")
REGISTRY = CONFIG / "datasets.yaml"
LOCAL = {"data_root", "mirror", "inception_weights", "device", "runs_per_gpu", "retrain", "runs", "checkpoint_seconds"}
PAPERS: dict[str, type[RunSettings]] = {"okd": GanSettings, "aikd": AikdSettings, "gip": GipSettings}


@dataclass(frozen=True)
class Resolved:
    """A run's settings, where each came from, and the names of what they determine."""

    run: Run
    scale: str
    _settings: dict[str, Any]
    sources: dict[str, str]
    threads: int
    parents: dict[str, "Resolved"]  # the runs whose weights this one starts from or learns from, by role

    @property
    def settings(self) -> dict[str, Any]:
        """The validated settings: a copy, since all that resolve a run share one object."""
        return dict(self._settings)

    @cached_property
    def hash(self) -> str:
        """Digest of every setting that can change the run's numbers; a run is stale when it differs."""
        return digest(self._settings)

    @property
    def store_settings(self) -> dict[str, Any]:
        """The settings that determine the prepared data set."""
        return {key: self.settings[key] for key in PAPERS[self.run.paper].store_keys if key in self.settings}

    @property
    def store(self) -> str:
        """Name of the prepared data set's folder."""
        return f"{self.settings['dataset']}-{digest(self.store_settings, 8)}"

    @property
    def loop(self) -> str:
        """The training loop: "gan" leaves samples that a job evaluates, "classifier" predictions that tables read."""
        return PAPERS[self.run.paper].loop

    @property
    def leaves_predictions(self) -> bool:
        """Whether the run is a classifier's: its metrics are computed from its predictions by the first who reads them.

        Other runs are GANs. A job of its own evaluates their samples.
        """
        return self.loop == "classifier"

    @property
    def features(self) -> str:
        """Name of the feature network: what the reals' cached features belong to."""
        return f"inception{self.settings['features']}-{self.settings['inception']}"

    def document(self) -> dict[str, Any]:
        """What a run's config.yaml holds: everything the training process reads."""
        return {
            "run": str(self.run),
            "scale": self.scale,
            "config_hash": self.hash,
            "store": self.store,
            "threads": self.threads,
            "loop": self.loop,
            "parents": {role: {"run": str(one.run), "config_hash": one.hash} for role, one in self.parents.items()},
            "settings": self.settings,
        }


@dataclass(frozen=True)
class Override:
    """A user's override of a paper's settings. Equal where it is written alike: 1, 1.0 and true are not."""

    text: str
    layer: dict[str, Any] = field(compare=False)

    @classmethod
    def of(cls, layer: dict[str, Any]) -> "Override":
        """Return `layer` as an override."""
        return cls(repr(layer), layer)


NOTHING = Override.of({})


def user(overrides: dict[str, Any] | None = None, file: Path | None = None) -> User:
    """Read config/config.yaml (or `file`) and lay `overrides` over it, level by level as Snakemake does.

    Raises:
        UserError: an unknown key, an impossible value, or an unknown data set.
    """
    file, overrides = file or CONFIG / "config.yaml", overrides or {}
    merged = _merged(_read(file), overrides)
    if isinstance(merged.get("override"), dict):
        merged["override"] = _typed(merged["override"])
    settings = _validate(User, merged, lambda key: "--config" if key in overrides else str(file))
    scale_file(settings.scale)
    for name in settings.runs:
        Run.parse(name)
    for name in set(settings.accept) - set(registered()):
        raise UserError(f"accept names {name!r}, which is no data set of {REGISTRY}: {', '.join(registered())}")
    return settings


def options(user: User) -> str:
    """Return the --config words that give these settings again; the places of files on this machine are left out."""
    plain = User().model_dump()
    chosen = {key: value for key, value in user.model_dump().items() if value != plain[key] and key not in LOCAL}
    chosen = {"scale": user.scale, **chosen}
    words = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in chosen.items()]
    return f"--config {' '.join(shlex.quote(word) for word in words)}"


def registered() -> list[str]:
    """Return the names of the data sets of the registry."""
    return [name for name in _read(REGISTRY) if name != "weights"]


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    deeper = {
        key: _merged(base[key], changes[key])
        for key in base.keys() & changes.keys()
        if isinstance(base[key], dict) and isinstance(changes[key], dict)
    }
    return {**base, **changes, **deeper}


@cache
def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: start from the top folder of the checkout") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from None
    if content is not None and not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values")
    return content or {}


def scale_file(scale: str) -> dict[str, Any]:
    """Return the content of a scale's file; raises UserError naming the scales that there are."""
    path = CONFIG / "scales" / f"{scale}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise UserError(f"scale {scale!r} is unknown: config/scales has {known}")
    content = _read(path)
    _only(content, {"data", "threads", "seeds", "okd", "aikd", "gip"}, str(path))
    if content.get("data") not in ("real", "made"):
        raise UserError(f"{path}: data is {content.get('data')!r}; allowed: real, made")
    if not isinstance(content.get("threads"), int) or content["threads"] < 1:
        raise UserError(f"{path}: threads is {content.get('threads')!r}; allowed: a number from 1")
    seeds = _mapping(content.get("seeds"), f"{path} seeds")
    if set(seeds) != {"okd", "aikd", "gip"} or not all(type(count) is int and count > 0 for count in seeds.values()):
        raise UserError(f"{path}: seeds must be given for okd, aikd and gip, as numbers from 1")
    return content


def paper_file(paper: str) -> dict[str, Any]:
    """Return a paper's configuration; raises UserError where one of its sections is missing."""
    path = CONFIG / f"{paper}.yaml"
    content = _read(path)
    for section in ("defaults", "models", "datasets", "methods"):
        if not isinstance(content.get(section), dict):
            raise UserError(f"{path}: expected keys and values under {section}")
    return content


def seeds(paper: str, user: User) -> list[int]:
    """Return the seeds that each run group of a paper has at the user's scale."""
    return list(range(user.seeds or scale_file(user.scale)["seeds"][paper]))


@cache
def _resolve(name: str, scale: str, folders: tuple[str, ...], override: Override) -> Resolved:
    run = Run.parse(name)
    check_written(run)
    settings, sources = _settings(run, scale, folders, override)
    parents = {
        role: _resolve(str(parent), scale, folders, override)
        for role, parent in PAPERS[run.paper].parents(run, settings).items()
    }
    for role, parent in parents.items():
        for key in IMAGES:
            ours, theirs = settings.get(key), parent.settings.get(key)
            if ours != theirs:
                raise UserError(
                    f"{run}: {key} is {ours}, but {theirs} for its {role} {parent.run}: set it for both (a section of"
                    f" config/scales/{scale}.yaml sets it for one)"
                )
    if override == NOTHING:  # an override may make a variant equal to another run, which is no fault of its name
        _check_distinct(run, settings, scale, folders)
    return Resolved(run, scale, settings, sources, scale_file(scale)["threads"], parents)


def _settings(
    run: Run, scale: str, folders: tuple[str, ...], override: Override
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a run's settings, and for each the layer that it comes from."""
    paper_path, scale_path = CONFIG / f"{run.paper}.yaml", CONFIG / "scales" / scale
    paper, scaling = paper_file(run.paper), scale_file(scale)
    schema = PAPERS[run.paper]
    if run.dataset not in (*paper["datasets"], *folders):
        raise UserError(
            f"{run}: {run.dataset!r} is no data set of this paper ({', '.join(paper['datasets'])});"
            f" a folder of images becomes one with --config 'folders={{{run.dataset}: DIR}}'"
        )
    for level, value in (("models", run.model), ("methods", run.method)):
        if value not in paper[level]:
            known = ", ".join(paper[level])
            raise UserError(f"{run}: {value!r} is not among the {level} of {paper_path}: {known}")
    variant = {key: parse_value(value) for key, value in run.variant}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}

    def lay(layer: dict[str, Any] | None, source: str) -> None:
        layer = _mapping(layer, source)
        _only(layer, schema.model_fields, source)
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))

    changeable = set(schema.model_fields) - {"dataset", "data", "model", "method", "seed"}
    identity = {"dataset": run.dataset, "model": run.model, "method": run.method, "seed": run.seed}
    lay(identity, "the run's name")
    lay(paper["defaults"], f"{paper_path} defaults")
    model = dict(_mapping(paper["models"][run.model], f"{paper_path} models.{run.model}"))
    exceptions = _mapping(model.pop("where", {}), f"{paper_path} models.{run.model}.where")
    _only((str(key).partition("=")[0] for key in exceptions), changeable, f"{paper_path} models.{run.model}.where")
    lay(model, f"{paper_path} models.{run.model}")
    for pair in run.variant:
        lay(exceptions.get("=".join(pair)), f"{paper_path} models.{run.model}.where.{'='.join(pair)}")
    lay(paper["datasets"].get(run.dataset), f"{paper_path} datasets.{run.dataset}")
    method = dict(_mapping(paper["methods"][run.method], f"{paper_path} methods.{run.method}"))
    exceptions = _mapping(method.pop("where", {}), f"{paper_path} methods.{run.method}.where")
    _only(exceptions, {*paper["datasets"], *paper["models"]}, f"{paper_path} methods.{run.method}.where")
    lay(method, f"{paper_path} methods.{run.method}")
    for name in (run.dataset, run.model):
        lay(exceptions.get(name), f"{paper_path} methods.{run.method}.where.{name}")
    _only(variant, changeable, str(run))
    lay(variant, "the run's name")
    sections = _mapping(scaling.get(run.paper), f"{scale_path}.yaml {run.paper}")
    known = {"all", *paper["models"], *paper["datasets"], *paper["methods"]}
    _only(sections, known, f"{scale_path}.yaml {run.paper}")
    lay({"data": "folder" if run.dataset in folders else scaling["data"]}, f"{scale_path}.yaml data")
    for section in dict.fromkeys(("all", run.model, run.dataset, run.method)):
        where = f"{scale_path}.yaml {run.paper}.{section}"
        changes = _mapping(sections.get(section), where)
        _only(changes, {"set", "multiply"}, where)
        for part in ("set", "multiply"):
            _only(_mapping(changes.get(part), f"{where} {part}"), changeable, where)
        chosen = {key: value for key, value in (changes.get("set") or {}).items() if key not in variant}
        lay(chosen, where)
        for key, factor in (changes.get("multiply") or {}).items():
            if not isinstance(factor, int | float) or not 0 < factor < math.inf:
                raise UserError(f"{where}: {key} is multiplied by {factor!r}; allowed: a number above 0")
            if not isinstance(values.get(key, 0), int):
                raise UserError(f"{where}: multiply is for whole numbers, but {key} is {values[key]!r}")
            if values.get(key):
                lay({key: max(1, round(values[key] * factor))}, f"{where} ({values[key]} x {factor:g})")
    _only(override.layer, changeable, f"override.{run.paper}")
    lay({key: value for key, value in override.layer.items() if key not in variant}, f"override.{run.paper}")
    # What a layer sets for all runs and this one has no use for is dropped; what its name sets must have a meaning.
    for key, needed in schema.meaningless(values).items():
        if key in variant:
            raise UserError(f"{run}: {key} has a meaning with {needed} only")
        values.pop(key, None)
    settings = _validate(schema, values, lambda key: sources.get(key, str(paper_path)), str(run)).model_dump()
    settings = {key: value for key, value in settings.items() if value is not None}
    return settings, sources


def resolve(name: str | Run, user: User) -> Resolved:
    """Resolve a run to its full settings under a user's configuration; raises UserError."""
    run = name if isinstance(name, Run) else Run.parse(name)
    override = Override.of(user.override[run.paper]) if run.paper in user.override else NOTHING
    return _resolve(str(run), user.scale, tuple(sorted(user.folders)), override)


def _check_distinct(run: Run, settings: dict[str, Any], scale: str, folders: tuple[str, ...]) -> None:
    """Refuse a variant that changes nothing: it would train the same run twice."""
    for pair in run.variant:
        plain = dataclasses.replace(run, variant=tuple(other for other in run.variant if other != pair))
        try:
            same = _settings(plain, scale, folders, NOTHING)[0] == settings
        except UserError:  # the variant's keys need each other
            continue
        if same:
            raise UserError(f"{run}: {'='.join(pair)} is what it is without (at scale {scale}); use {plain}")


def _typed(value: Any) -> Any:
    """Turn the strings in a nested value into numbers: Snakemake reads every value inside {…} as a string."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    return parse_value(value) if isinstance(value, str) else value


def _only(layer: Any, known: Any, source: str) -> None:
    for key in layer:
        if key not in known:
            raise UserError(f"{source}: unknown key {key!r}; allowed: {', '.join(sorted(known))}")


def _mapping(value: Any, source: str) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise UserError(f"{source}: expected keys and values, found {value!r}")
    return value or {}


def _validate(schema: type[Strict], values: dict[str, Any], source: Any, subject: str = "") -> Strict:
    try:
        return schema(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        where = source(key.split(".")[0]) if key else subject
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = f"unknown key {key!r}; allowed: {', '.join(sorted(schema.model_fields))}"
        elif key:
            message = f"{key} is {first['input']!r}: {message[0].lower()}{message[1:]}"
        raise UserError(f"{where}: {message}") from None
