"""From names to settings: layers paper -> model -> method -> scale -> variant -> user, validated, with their sources.

A scale's `set` never overrides what a variant names, and its `multiply` applies to everything, so two runs of
different names have different settings at every scale. `Resolved.sources` says for each key which file it came from.
"""

import dataclasses
import json
import os
import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from advkd.errors import UserError
from advkd.files import digest
from advkd.settings import PAPERS, Strict, User

CONFIG = Path("config")
REGISTRY = CONFIG / "datasets.yaml"
LOCAL = {"data_root", "mirror", "inception_weights", "device", "retrain", "runs", "checkpoint_seconds"}
RUN = re.compile(
    r"(?P<paper>okd|aikd|gip)/(?P<dataset>[a-z0-9_]+)/(?P<model>[a-z0-9_]+)/(?P<method>[a-z0-9_]+)"
    r"(?P<variant>(\+[a-z0-9_]+=[A-Za-z0-9_.-]+)*)/seed(?P<seed>\d+)"
)
STORE_KEYS = [
    "dataset", "data", "crops", "crop", "image_size", "held_out", "held_out_crops", "windows_per_image", "data_seed",
    "made_photos",
]  # fmt: skip


class NotInThisVersion(UserError):
    """A run that a published table names and that this version cannot train yet."""


@dataclass(frozen=True, order=True)
class Run:
    """The name of one training, `PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK`."""

    paper: str
    dataset: str
    model: str
    method: str
    variant: tuple[tuple[str, str], ...]
    seed: int

    @classmethod
    def parse(cls, name: str) -> "Run":
        """Read a run's name; raises UserError where it is not one."""
        match = RUN.fullmatch(name)
        if not match:
            raise UserError(
                f"{name!r} is no run: expected PAPER/DATASET/MODEL/METHOD[+KEY=VALUE]/seedK,"
                " for example okd/codebrim/sagan/okd+rho=0.3/seed0"
            )
        pairs = tuple(tuple(part.split("=", 1)) for part in match["variant"].split("+")[1:])
        return cls(match["paper"], match["dataset"], match["model"], match["method"], pairs, int(match["seed"]))

    @property
    def group(self) -> str:
        """The name without the seed."""
        variant = "".join(f"+{key}={value}" for key, value in self.variant)
        return f"{self.paper}/{self.dataset}/{self.model}/{self.method}{variant}"

    def __str__(self) -> str:
        return f"{self.group}/seed{self.seed}"

    def folder(self, scale: str) -> Path:
        """The run's folder at a scale, below the working directory."""
        return Path("results") / scale / "runs" / str(self)


@dataclass(frozen=True)
class Resolved:
    """A run's settings, where each came from, and the names of what they determine."""

    run: Run
    scale: str
    settings: dict[str, Any]
    sources: dict[str, str]
    threads: int

    @property
    def hash(self) -> str:
        """Digest of every setting that can change the run's numbers; a run is stale when it differs."""
        return digest(self.settings)

    @property
    def store_settings(self) -> dict[str, Any]:
        """The settings that determine the prepared data set."""
        return {key: self.settings[key] for key in STORE_KEYS if self.settings.get(key) is not None}

    @property
    def store(self) -> str:
        """Name of the prepared data set's folder."""
        return f"{self.settings['dataset']}-{digest(self.store_settings, 8)}"

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
            "settings": self.settings,
        }


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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: start from the top folder of the checkout") from None
    except yaml.YAMLError as error:
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
    known = {"data", "threads", "seeds", *PAPERS, "aikd", "gip"}
    _only(content, known, str(path))
    if content.get("data") not in ("real", "made"):
        raise UserError(f"{path}: data is {content.get('data')!r}; allowed: real, made")
    if not isinstance(content.get("threads"), int) or content["threads"] < 1:
        raise UserError(f"{path}: threads is {content.get('threads')!r}; allowed: a number from 1")
    if set(content.get("seeds") or {}) != {"okd", "aikd", "gip"}:
        raise UserError(f"{path}: seeds must be given for okd, aikd and gip")
    return content


def paper_file(paper: str) -> dict[str, Any]:
    """Return a paper's configuration; raises NotInThisVersion where its methods are not built yet."""
    path = CONFIG / f"{paper}.yaml"
    if paper not in PAPERS or not path.exists():
        raise NotInThisVersion(f"the {paper} paper's methods are not part of this version")
    return _read(path)


def seeds(paper: str, user: User) -> list[int]:
    """Return the seeds that each run group of a paper has at the user's scale."""
    return list(range(user.seeds or scale_file(user.scale)["seeds"][paper]))


@cache
def _resolve(name: str, scale: str, folders: tuple[str, ...], override: str) -> Resolved:
    run, paper_path, scale_path = Run.parse(name), CONFIG / f"{Run.parse(name).paper}.yaml", CONFIG / "scales" / scale
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
            raise NotInThisVersion(f"{run}: {value!r} is not among the {level} of {paper_path}: {known}")
    variant = {key: _parse(value) for key, value in run.variant}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}

    def lay(layer: dict[str, Any], source: str) -> None:
        _only(layer, schema.model_fields, source)
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))

    changeable = set(schema.model_fields) - {"dataset", "data", "model", "method", "seed"}
    identity = {"dataset": run.dataset, "model": run.model, "method": run.method, "seed": run.seed}
    lay(identity, "the run's name")
    lay(paper["defaults"], f"{paper_path} defaults")
    lay(paper["models"][run.model], f"{paper_path} models.{run.model}")
    lay(paper["methods"][run.method], f"{paper_path} methods.{run.method}")
    _only(variant, changeable, str(run))
    lay(variant, "the run's name")
    sections = scaling.get(run.paper) or {}
    _only(sections, {"all", *paper["models"]}, f"{scale_path}.yaml {run.paper}")
    lay({"data": "folder" if run.dataset in folders else scaling["data"]}, f"{scale_path}.yaml data")
    for section in ("all", run.model):
        where = f"{scale_path}.yaml {run.paper}.{section}"
        changes = sections.get(section) or {}
        _only(changes, {"set", "multiply"}, where)
        _only(changes.get("multiply") or {}, schema.model_fields, where)
        chosen = {key: value for key, value in (changes.get("set") or {}).items() if key not in variant}
        if values["data"] != "made":
            chosen.pop("made_photos", None)
        lay(chosen, where)
        for key, factor in (changes.get("multiply") or {}).items():
            if not isinstance(values.get(key, 0), int):
                raise UserError(f"{where}: multiply is for whole numbers, but {key} is {values[key]!r}")
            if values.get(key):
                lay({key: max(1, round(values[key] * factor))}, f"{where} ({values[key]} x {factor:g})")
    everywhere = yaml.safe_load(override)
    _only(everywhere, changeable, f"override.{run.paper}")
    lay({k: v for k, v in everywhere.items() if k in values and k not in variant}, f"override.{run.paper}")
    settings = _validate(schema, values, lambda key: sources.get(key, str(paper_path)), str(run)).model_dump()
    settings = {key: value for key, value in settings.items() if value is not None}
    resolved = Resolved(run, scale, settings, sources, scaling["threads"])
    _check_written(run)
    if not everywhere:  # an override may make a variant equal to another run, which is no fault of its name
        _check_distinct(resolved, folders)
    return resolved


def resolve(name: str | Run, user: User) -> Resolved:
    """Resolve a run to its full settings under a user's configuration; raises UserError."""
    run = name if isinstance(name, Run) else Run.parse(name)
    override = yaml.safe_dump(user.override.get(run.paper, {}))
    return _resolve(str(run), user.scale, tuple(sorted(user.folders)), override)


def _check_written(run: Run) -> None:
    """Refuse a name that can be written otherwise: two names for one run would train it twice."""
    canonical = tuple(sorted((key, shortest(_parse(value))) for key, value in dict(run.variant).items()))
    if run.variant != canonical:
        right = dataclasses.replace(run, variant=canonical)
        raise UserError(f"{run}: write it as {right} (each key once, keys sorted, numbers in shortest form)")


def _check_distinct(resolved: Resolved, folders: tuple[str, ...]) -> None:
    """Refuse a variant that changes nothing, for the same reason."""
    run = resolved.run
    for pair in run.variant:
        plain = dataclasses.replace(run, variant=tuple(other for other in run.variant if other != pair))
        try:
            same = _resolve(str(plain), resolved.scale, folders, "{}").settings == resolved.settings
        except UserError:  # the variant's keys need each other
            continue
        if same:
            raise UserError(f"{run}: {'='.join(pair)} is what it is without (at scale {resolved.scale}); use {plain}")


def _typed(value: Any) -> Any:
    """Turn the strings in a nested value into numbers: Snakemake reads every value inside {…} as a string."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    return _parse(value) if isinstance(value, str) else value


def _parse(text: str) -> bool | int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text, text)


def shortest(value: Any) -> str:
    """Return a setting's value as run names write it: 0.1, 3, true."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _only(layer: Any, known: Any, source: str) -> None:
    for key in layer:
        if key not in known:
            raise UserError(f"{source}: unknown key {key!r}; allowed: {', '.join(sorted(known))}")


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


def device(user: User) -> str:
    """Return cpu or cuda; `auto` looks for a GPU without importing torch, which the workflow must not do."""
    if user.device != "auto":
        return user.device
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "cuda" if Path("/dev/nvidiactl").exists() and not hidden else "cpu"
