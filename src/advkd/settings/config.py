"""From names to settings: a user's configuration, and a run's settings under it."""

import dataclasses
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

from advkd.errors import UserError
from advkd.files import digest
from advkd.schema import not_applying
from advkd.settings import config_files, layers, lineage, starts, words
from advkd.settings.classifier import IMAGES
from advkd.settings.config_files import CONFIG, REGISTRY, Layer
from advkd.settings.draws import draws_of
from advkd.settings.feature_networks import FeatureName
from advkd.settings.gan import GanRun
from advkd.settings.names import PAPERS, Run, check_canonical
from advkd.settings.papers import RUN_CLASSES, RunSettings, config_hash
from advkd.settings.user import User
from advkd.settings.validation import Refused, validate_model, validated

__all__ = [
    "CONFIG",
    "PAPERS",
    "REGISTRY",
    "CannotBeBuilt",
    "Resolved",
    "Run",
    "User",
    "options",
    "resolve",
    "seeds",
    "user",
]

# What a user sets for this machine, or for one start: it changes no number and is left out where commands are shown.
LOCAL = {"device", "runs_per_gpu", "retrain", "runs", "checkpoint_seconds"}
Files = tuple[config_files.State | None, ...]  # the state of the files that a run's settings come from
PLACES = ("data_root", "mirror", "inception_weights")  # a person's own: commands that are shown have PATH instead


@dataclass(frozen=True)
class Resolved:
    """A run's settings, the source of each, and the names of what they determine. Nothing in it can be changed.

    Attributes:
        run: the run's name.
        scale: the scale that it is resolved at.
        typed: the validated settings as groups.
        sources: for each key, the layer that it comes from.
        threads: threads of the training.
        parents: the runs whose weights this one starts from or learns from, by role.
        generators: the runs whose images are in the training part of the data set, by what their images show.
        start: the trained network that the run starts from; None where its weights are drawn.
    """

    run: Run
    scale: str
    typed: RunSettings
    sources: Mapping[str, str]
    threads: int
    parents: Mapping[str, "Resolved"]
    generators: Mapping[str, "Resolved"] = dataclasses.field(default_factory=dict)
    start: starts.Start | None = None

    @cached_property
    def settings(self) -> Mapping[str, object]:
        """The validated settings by key; what does not apply is left out."""
        return MappingProxyType(self.typed.flat())

    @cached_property
    def generation(self) -> int:
        """0 without parents, otherwise 1 more than the largest generation of the parents.

        It decides the run's random numbers beside the seed, so that a run shares none with a parent. Generators do not
        count: a classifier starts from the same weights with their images and without.
        """
        return max((parent.generation + 1 for parent in self.parents.values()), default=0)

    @cached_property
    def hash(self) -> str:
        """Digest of what decides the run's numbers, as `papers.config_hash` says."""
        weights = self.start.sha256 if self.start else None
        return config_hash(self.settings, self.generation, _named(self.generators), weights)

    @property
    def store_settings(self) -> dict[str, object]:
        """The settings that determine the prepared data set, by key, without what is made of it (`derived`)."""
        return self.typed.data.flat()

    @property
    def base_store(self) -> str:
        """Name of the folder of the data set that is prepared from images alone."""
        return f"{self.run.dataset}-{digest(self.store_settings, 8)}"

    @cached_property
    def derived(self) -> Mapping[str, object]:
        """What is made of the prepared data set before training, by key; empty where it is trained on as it is."""
        if isinstance(self.typed, GanRun):
            return {} if self.typed.only_class is None else {"only_class": self.typed.only_class}
        return self.typed.generated.flat() if self.typed.generated else {}

    @cached_property
    def store(self) -> str:
        """Name of the folder of the data set that the run is trained on."""
        if not self.derived:
            return self.base_store
        return f"{self.base_store}-{digest({**self.derived, 'generators': _named(self.generators)}, 8)}"

    def base(self) -> "Resolved":
        """Return the run as it would be if it were trained on the data set as it is prepared from images."""
        if not self.derived:
            return self
        typed: RunSettings
        if isinstance(self.typed, GanRun):
            typed = dataclasses.replace(self.typed, only_class=None)
        else:
            typed = dataclasses.replace(self.typed, generated=None)
        return dataclasses.replace(self, typed=typed, generators={})

    @property
    def needs(self) -> Mapping[str, "Resolved"]:
        """The runs that must be finished before this one is trained, by role: parents and generators."""
        return {**self.parents, **self.generators}

    @property
    def drawn(self) -> int | None:
        """How many photos, or images of a class, are drawn for the data set; None where none is."""
        return self.typed.data.size_drawn

    @property
    def loop(self) -> str:
        """The module of `advkd.training` that trains the run."""
        return self.typed.loop

    @property
    def leaves_predictions(self) -> bool:
        """Whether the run leaves predictions: the first who reads its metrics computes them from these."""
        return self.typed.leaves_predictions

    @property
    def features(self) -> FeatureName | None:
        """Name of the network on whose features a GAN's run is evaluated; None for a classifier."""
        return self.typed.evaluation.features if isinstance(self.typed, GanRun) else None

    def written(self) -> dict[str, object]:
        """Return the settings by key as YAML writes them, which has lists and no tuples."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in self.settings.items()}

    def document(self) -> dict[str, object]:
        """Return what a run's config.yaml holds: everything that the training process reads."""
        generators = {"generators": _named(self.generators)} if self.generators else {}
        start = {"start": self.start.document()} if self.start else {}
        return {
            "run": str(self.run),
            "scale": self.scale,
            "config_hash": self.hash,
            "store": self.store,
            "threads": self.threads,
            "loop": self.loop,
            "generation": self.generation,
            "parents": _named(self.parents),
            **generators,
            **start,
            "settings": self.written(),
        }


def _named(runs: Mapping[str, Resolved]) -> dict[str, dict[str, str]]:
    """Return the name and the hash of each run, by role."""
    return {role: {"run": str(resolved.run), "config_hash": resolved.hash} for role, resolved in runs.items()}


@dataclass(frozen=True)
class Override:
    """A user's override of a paper's settings. Equal where it is written alike: 1, 1.0 and true are not."""

    text: str
    layer: Layer = dataclasses.field(compare=False)

    @classmethod
    def of(cls, layer: Layer) -> "Override":
        """Return `layer` as an override."""
        return cls(repr(layer), layer)


NOTHING = Override.of({})


@dataclass(frozen=True)
class Surroundings:
    """What a run is resolved under, beside its name.

    Attributes:
        scale: the scale.
        folders: the data sets that are a folder of the user's.
        overrides: the user's override of each paper that has one.
        files: the state of the files that are read, so that a changed one is read again.
        starts: the trained networks that the user named, which a run may start from.
    """

    scale: str
    folders: tuple[str, ...]
    overrides: tuple[tuple[str, Override], ...]
    files: Files
    starts: tuple[starts.Named, ...]

    @classmethod
    def of(cls, run: Run, user: User) -> "Surroundings":
        """Return what counts for a run: also for runs whose images are in its data set, which are of `lineage.GANS`."""
        papers = dict.fromkeys((run.paper, lineage.GANS))
        overrides = tuple((paper, Override.of(user.override[paper])) for paper in papers if paper in user.override)
        files = config_files.states(papers, user.scale)
        return cls(user.scale, tuple(sorted(user.folders)), overrides, files, starts.name_all(user.starts))

    def override(self, paper: str) -> Override:
        """Return the user's override of a paper."""
        return dict(self.overrides).get(paper, NOTHING)


class CannotBeBuilt(UserError):
    """A run's settings are impossible, or contradict each other or its parents'; the message says how, in one line."""


class WrongOverride(UserError):
    """A value that the user typed in `override` is impossible by itself; the message says why, in one line."""


def user(overrides: Mapping[str, object] | None = None, file: Path | None = None, anywhere: bool = False) -> User:
    """Read config/config.yaml (or `file`) and lay `overrides` over it, level by level.

    Args:
        overrides: values by key, or the texts that `words.read_words` returns.
        file: the file to read.
        anywhere: read the package's own config/config.yaml where the working folder has none.

    Raises:
        UserError: no config/config.yaml, an unknown key, an impossible value, or an unknown data set.
    """
    file, overrides = file or CONFIG / "config.yaml", overrides or {}
    if not (anywhere or os.path.lexists(file)):
        raise UserError(config_files.missing(file))
    merged = words.with_values(words.merge(config_files.read(file, words.load_texts), overrides))
    settings = validate_model(User, merged, lambda key: "--config" if key in overrides else str(file))
    config_files.scale_file(settings.scale)
    for name in settings.runs:
        Run.parse(name)
    known = config_files.registered_datasets()
    for name in set(settings.accept) - set(known):
        raise UserError(f"accept names {name!r}, which is no data set of {REGISTRY}: {', '.join(known)}")
    for key, names in (("tolerate", settings.tolerate), ("links", settings.links)):
        for name in set(names) - {*known, *settings.folders}:
            raise UserError(
                f"{key} names {name!r}, which is neither one of folders nor of {REGISTRY}: {', '.join(known)}"
            )
    return settings


def options(user: User) -> str:
    """Return the --config words that give these settings again.

    The places of files are a person's own: PATH stands for each of them.
    """
    plain = User().model_dump()
    chosen = {key: value for key, value in user.model_dump().items() if value != plain[key] and key not in LOCAL}
    chosen = {"scale": user.scale, **chosen}
    for key in PLACES:
        if key in chosen:
            chosen[key] = "PATH"
    for key in ("folders", "starts"):
        if names := getattr(user, key):
            chosen[key] = dict.fromkeys(names, "PATH")
    typed = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in chosen.items()]
    return f"--config {' '.join(shlex.quote(word) for word in typed)}"


def seeds(group: str, user: User) -> list[int]:
    """Return the seeds that a run group has at the user's scale; of a paper alone, those of most of its groups."""
    given = config_files.scale_file(user.scale).seeds
    paper, _, others = group.partition("/")
    of_dataset = given.get(f"{paper}/{others.partition('/')[0]}", given[paper])
    return list(range(user.seeds or of_dataset))


def resolve(name: str | Run, user: User) -> Resolved:
    """Resolve a run to its full settings under a user's configuration; raises CannotBeBuilt or WrongOverride."""
    run = name if isinstance(name, Run) else Run.parse(name)
    try:
        return _resolve(str(run), Surroundings.of(run, user))
    except WrongOverride:
        raise
    except UserError as error:
        raise CannotBeBuilt(str(error)) from None


@lru_cache(maxsize=65536)
def _resolve(name: str, around: Surroundings) -> Resolved:
    run = Run.parse(name)
    scale, folders, override, files = around.scale, around.folders, around.override(run.paper), around.files
    check_canonical(run)
    first = None if run.seed == 0 or draws_of(run) else _first_seed(run, around)
    if first:  # only the seed differs, and the parents that have the same one
        typed, sources = dataclasses.replace(first.typed, seed=run.seed), first.sources
    else:
        values, sources = _applying(run, scale, folders, override, files)
        typed = _validated(run, values, sources)
    settings = typed.flat()
    parents = {role: _resolve(str(parent), around) for role, parent in lineage.parents(run, settings).items()}
    for role, parent in parents.items():
        for key in IMAGES:
            ours, theirs = settings.get(key), parent.settings.get(key)
            if ours != theirs:
                raise UserError(
                    f"{run}: {key} is {ours}, but {theirs} for its {role} {parent.run}: set it for both (a section of"
                    f" config/scales/{scale}.yaml sets it for one)"
                )
    # An override may make a variant equal to another run, which is no fault of its name.
    if override == NOTHING and not first:
        _check_distinct(run, scale, folders, files, values)
    threads = config_files.scale_file(scale).threads
    named = settings.get("start")
    start = starts.find_start(str(run), str(named), around.starts) if named is not None else None
    resolved = Resolved(run, scale, typed, sources, threads, MappingProxyType(parents), start=start)
    if "generator" not in settings:
        return resolved
    generators = {role: _resolve(str(gan), around) for role, gan in lineage.generators(run, typed).items()}
    for gan in generators.values():
        _check_same_images(resolved, gan)
    return dataclasses.replace(resolved, generators=MappingProxyType(generators))


def _check_same_images(classifier: Resolved, gan: Resolved) -> None:
    """Refuse a generator of other images than the classifier's: it may have seen those that are evaluated on."""
    for key in {**classifier.store_settings, **gan.store_settings}:
        ours, theirs = classifier.store_settings.get(key), gan.store_settings.get(key)
        if ours != theirs:
            raise UserError(
                f"{classifier.run}: {key} is {ours}, but {theirs} for the generator {gan.run}: set it for both papers"
                f" (a section of config/scales/{classifier.scale}.yaml, or `override`, sets it for one)"
            )


def _first_seed(run: Run, around: Surroundings) -> Resolved | None:
    """Return seed 0 of a run's group; None where it cannot be built, which the run itself then tells."""
    try:
        return _resolve(str(dataclasses.replace(run, seed=0)), around)
    except UserError:
        return None


def _validated(run: Run, values: Mapping[str, object], sources: Mapping[str, str]) -> RunSettings:
    """Return a run's validated settings, given the values that apply and the layer that each key comes from."""
    try:
        return RUN_CLASSES[run.paper].from_flat(values, validated)
    except Refused as fault:
        where = sources.get(fault.key, str(CONFIG / f"{run.paper}.yaml")) if fault.key else str(run)
        raise (WrongOverride if where.startswith("override.") else UserError)(f"{where}: {fault}") from None
    except ValueError as fault:
        raise UserError(f"{run}: {fault}") from None


@lru_cache(maxsize=65536)
def _applying(
    run: Run, scale: str, folders: tuple[str, ...], override: Override, files: Files
) -> tuple[Mapping[str, object], Mapping[str, str]]:
    """Return the values of the settings that apply to a run, not validated yet, and the layer of each.

    What a layer sets for all runs and does not apply to this one is dropped; what the run's name sets must apply. The
    result is kept, since each variant of a run is compared with it. `files` is as for `_resolve`.
    """
    values, sources = layers.fold(run, scale, folders, override.layer)
    for key, needed in {**not_applying(RUN_CLASSES[run.paper], values), **lineage.repeated(values)}.items():
        if key in dict(run.variant):
            raise UserError(f"{run}: {key} only applies with {needed}")
        values.pop(key, None)
    return MappingProxyType(lineage.named_once(values)), MappingProxyType(sources)


def _check_distinct(run: Run, scale: str, folders: tuple[str, ...], files: Files, own: Mapping[str, object]) -> None:
    """Refuse a variant that changes nothing of its `own` values: it would train the same run twice."""
    for pair in run.variant:
        plain = dataclasses.replace(run, variant=tuple(other for other in run.variant if other != pair))
        try:
            same = _applying(plain, scale, folders, NOTHING, files)[0] == own
        except UserError:  # the variant's keys need each other
            continue
        if same:
            raise UserError(f"{run}: {'='.join(pair)} is what it is without (at scale {scale}); use {plain}")
