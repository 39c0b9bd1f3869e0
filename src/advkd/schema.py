"""Settings as plain dataclasses: groups of values, of which some only apply beside others.

A run's settings are written flat, one key and one value each: in YAML, in a run's name, in its `config.yaml`. In Python
they are a tree of dataclasses, so that nothing has a field that does not apply to it: `critic` is a group, or None.
This module turns one into the other. It needs neither pydantic nor torch: training reads a `config.yaml` without them.

A field of a group is a value or another group. What decides whether it applies is written in its annotation:

    omega: Weight = 0.1
    critic: Annotated[Critic | None, When("omega")] = Critic()               only with omega > 0
    tf_multiplier: Annotated[Weight | None, When("tf_reduction", "elementwise")] = 50.0
    banner: Annotated[Literal["cut"] | None, Optionally("dataset", "fgvc_aircraft")] = None    may be left out
    mixing: NoMixing | Cutout | Mixup | CutMix                               chosen by the value of `augment`

A key has one meaning: two groups that apply together never share one.
"""

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar, Literal, NamedTuple, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from advkd.values import Rule, allowed, rule

Values = Mapping[str, object]  # flat: a key and its value
Group = TypeVar("Group", bound="Settings")
Function = TypeVar("Function", bound=Callable[..., object])


def remembered(function: Function) -> Function:
    """Cache the results of a function of classes; the annotations of `functools.cache` refuse classes."""
    return cache(function)  # type: ignore[return-value]


@dataclass(frozen=True)
class When:
    """The field applies where the setting `key` has one of `values`; without values, where it is above 0."""

    key: str
    values: tuple[str, ...]

    def __init__(self, key: str, *values: str) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "values", values)

    def holds(self, settings: Values) -> bool:
        """Tell whether the condition holds."""
        value = settings.get(self.key)
        return value in self.values if self.values else bool(value)

    def __str__(self) -> str:
        return f"{self.key} {' or '.join(self.values)}" if self.values else f"{self.key} > 0"


class Optionally(When):
    """As `When`, but the field may also be left out where it applies; None stands for that."""


class Given(When):
    """The field applies where the setting `key` is given at all."""

    def __init__(self, key: str) -> None:
        super().__init__(key)

    def holds(self, settings: Values) -> bool:
        """Tell whether the condition holds."""
        return settings.get(self.key) is not None

    def __str__(self) -> str:
        return f"a {self.key}"


class Choice(When):
    """The condition that one of several alternative groups stands for: the key's value chooses among them."""


@dataclass(frozen=True)
class Unless:
    """The field applies where the setting `key` has another value than `value`."""

    key: str
    value: str

    def holds(self, settings: Values) -> bool:
        """Tell whether the condition holds."""
        return settings.get(self.key) != self.value

    def __str__(self) -> str:
        return f"a {self.key} other than {self.value}"


@dataclass(frozen=True)
class Either:
    """The field applies where one of several conditions holds."""

    conditions: tuple[When, ...]

    def __init__(self, *conditions: When) -> None:
        object.__setattr__(self, "conditions", conditions)

    def holds(self, settings: Values) -> bool:
        """Tell whether one of the conditions holds."""
        return any(condition.holds(settings) for condition in self.conditions)

    def __str__(self) -> str:
        return " or ".join(map(str, self.conditions))


Condition = When | Unless | Either


@dataclass(frozen=True)
class OneOf:
    """The field holds one of several groups that are not known before they are asked for, as registered methods are."""

    groups: "Callable[[], Mapping[str, type[Settings]]]"  # by name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A group of settings: what every group inherits from.

    The default of a field that does not apply beside the others is dropped: the field is None.

    Raises:
        ValueError: a value is not one that its field may have, a field is missing although it applies, has another
            value than its default although it does not apply, or `check` refuses the values.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "allow_inf_nan": False}

    def __post_init__(self) -> None:
        for name, allows in _rules(type(self)):
            if not allows(value := getattr(self, name)):
                raise ValueError(f"{name} is {value!r}; allowed: {allowed(annotations_of(type(self))[name])}")
        conditional = [field for field in fields_of(type(self)) if field.conditions]
        while conditional and self._drop_defaults(conditional):  # what needs a dropped field does not apply either
            pass
        values = self.flat() if conditional else {}
        for field in conditional:
            optional = any(isinstance(condition, Optionally) for condition in field.conditions)
            if getattr(self, field.name) is None and not optional and not _failing(field.conditions, values):
                raise ValueError(f"{field.name} is missing")
        self.check()

    def _drop_defaults(self, conditional: "list[Field]") -> bool:
        """Drop the fields that do not apply beside the others; tell whether there were any.

        Raises:
            ValueError: such a field has another value than its default.
        """
        values = self.flat()
        dropped = False
        for field in conditional:
            failing = _failing(field.conditions, values)
            if not failing or getattr(self, field.name) is None:
                continue
            if key := self._chosen_key(field.name):
                raise ValueError(f"{key} only applies with {' and '.join(map(str, failing))}")
            object.__setattr__(self, field.name, None)
            dropped = True
        return dropped

    def _chosen_key(self, name: str) -> str | None:
        """Return the first key of the field `name` whose value is not its default; None where all are."""
        value = getattr(self, name)
        default = next(default_of(field) for field in dataclasses.fields(self) if field.name == name)
        if not isinstance(value, Settings):
            return None if value == default else name
        defaults = default.flat() if isinstance(default, Settings) else {}
        return next((key for key, chosen in value.flat().items() if (key, chosen) not in defaults.items()), None)

    def check(self) -> None:
        """Raise ValueError where values contradict each other."""

    def flat(self) -> dict[str, object]:
        """Return all settings of the tree by key, those that do not apply left out."""
        values: dict[str, object] = {}
        for field in fields_of(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, Settings):
                values.update(value.flat())
            elif value is not None:
                values[field.name] = value
        return values

    @classmethod
    def from_flat(cls, values: Values, make: "Make | None" = None) -> Self:
        """Return the group that flat `values` describe; keys of other groups are left alone.

        Args:
            values: every key that applies. A key with a default may be left out, unless a condition names it.
            make: builds one group from its fields, so that the caller can validate it; by default the class itself.

        Raises:
            ValueError: a key is missing, no alternative of a group has the values that choose one, or as the group's
                own checks.
        """
        return _build(cls, values, make or _plainly)


Make = Callable[[type[Settings], dict[str, object]], Settings]


class Field(NamedTuple):
    """A field of a group: its conditions, the groups that it may hold (none, if it holds a value), and its type."""

    name: str
    conditions: tuple[Condition, ...]
    alternatives: tuple[type[Settings], ...] | OneOf
    annotation: object

    @property
    def groups(self) -> tuple[type[Settings], ...]:
        """The groups that the field may hold. Registered ones are only looked up here, since that may fail."""
        if isinstance(self.alternatives, OneOf):
            return tuple(self.alternatives.groups().values())
        return self.alternatives


Place = tuple[tuple[Condition, ...], Field]  # a value in a tree of groups, and what must hold for it to apply


@remembered
def annotations_of(group: type[Settings]) -> Mapping[str, object]:
    """Return the annotation of each field of a group, with its marks, in their order."""
    hints = get_type_hints(group, include_extras=True)
    return types.MappingProxyType({field.name: hints[field.name] for field in dataclasses.fields(group)})


@remembered
def _rules(group: type[Settings]) -> tuple[tuple[str, Rule], ...]:
    """Return which values each field of a group may have."""
    return tuple((name, rule(annotation)) for name, annotation in annotations_of(group).items())


@remembered
def fields_of(group: type[Settings]) -> tuple[Field, ...]:
    """Return the fields of a group in their order."""
    fields = []
    for name, annotation in annotations_of(group).items():
        conditions: list[Condition] = []
        registry: OneOf | None = None
        if get_origin(annotation) is Annotated:
            plain, *marks = get_args(annotation)
            for mark in marks:
                if isinstance(mark, When | Unless | Either):
                    conditions.append(mark)
                if isinstance(mark, OneOf):
                    registry = mark
            annotation = plain if conditions or registry else annotation
        parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
        groups = tuple(part for part in parts if isinstance(part, type) and issubclass(part, Settings))
        fields.append(Field(name, tuple(conditions), registry or groups, annotation))
    return tuple(fields)


def default_of(field: "dataclasses.Field[object]") -> object:
    """Return the default of a dataclass's field, or `dataclasses.MISSING`."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _hold(conditions: Iterable[Condition], values: Values) -> bool:
    """Tell whether all conditions hold beside `values`."""
    return all(condition.holds(values) for condition in conditions)


def _failing(conditions: Iterable[Condition], values: Values) -> list[Condition]:
    """Return the conditions that do not hold beside `values`."""
    return [condition for condition in conditions if not condition.holds(values)]


@remembered
def keys_of(group: type[Settings], without: tuple[str, ...] = ()) -> Mapping[str, object]:
    """Return every key that the group or one below it may have, with the type of its value.

    Args:
        group: the group.
        without: fields of `group` to leave out.
    """
    annotations: dict[str, object] = {}
    for field in fields_of(group):
        if field.name not in without:
            annotations.update((value.name, value.annotation) for _, value in _places_of(field))
    return types.MappingProxyType(annotations)


def not_applying(group: type[Settings], values: Values) -> dict[str, str]:
    """Return the keys of `values` that do not apply beside the others, each with what it would need, in words.

    What needs a key that does not apply does not apply either.
    """
    dropped: dict[str, str] = {}
    left, places = dict(values), _conditional_places(group)
    while True:
        more = {
            key: _in_words([_failing(conditions, left) for conditions in places[key]])
            for key in left
            if key in places and not any(_hold(conditions, left) for conditions in places[key])
        }
        if not more:
            return dropped
        dropped |= more
        left = {key: value for key, value in left.items() if key not in more}


@remembered
def _conditional_places(group: type[Settings]) -> dict[str, list[tuple[Condition, ...]]]:
    """Return the conditions of every place of each key that has no place without conditions."""
    places: dict[str, list[tuple[Condition, ...]]] = {}
    for conditions, field in _places(group):
        places.setdefault(field.name, []).append(conditions)
    return {key: of_key for key, of_key in places.items() if all(of_key)}


def choices_of(group: type[Settings], key: str) -> list[object]:
    """Return the values that a key may have where these are a closed set; otherwise nothing."""
    choices: dict[object, None] = {}
    for _, field in _places(group):
        if field.name == key:
            choices.update(dict.fromkeys(_closed_set(field.annotation)))
    return list(choices)


def _closed_set(annotation: object) -> list[object]:
    if annotation is bool:
        return [True, False]
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    values: list[object] = []
    for part in get_args(annotation):
        values += _closed_set(part)
    return values


@remembered
def _places(group: type[Settings]) -> tuple[Place, ...]:
    """Return every value of the tree below `group`, with all conditions on the way to it."""
    places: list[Place] = []
    for field in fields_of(group):
        places += _places_of(field)
    return tuple(places)


def _places_of(field: Field) -> list[Place]:
    """Return the value that a field holds, or every value of the groups that it may hold, with their conditions."""
    if not field.groups:
        return [(field.conditions, field)]
    places: list[Place] = []
    for alternative in field.groups:
        chosen = [Choice(key, *names) for key, names in _chooses(field.groups, alternative).items()]
        for conditions, value in _places(alternative):
            places.append(((*field.conditions, *chosen, *conditions), value))
    return places


@remembered
def _chooses(groups: tuple[type[Settings], ...], alternative: type[Settings]) -> dict[str, tuple[str, ...]]:
    """Return the keys by whose values `alternative` is chosen among `groups`, each with these values."""
    if len(groups) == 1:
        return {}
    names: dict[str, tuple[str, ...]] = {}
    shared = set.intersection(*(_names_of_fields(group) for group in groups))
    for field in fields_of(alternative):
        if field.name in shared and get_origin(field.annotation) is Literal:
            names[field.name] = get_args(field.annotation)
    return names


def _names_of_fields(group: type[Settings]) -> set[str]:
    return {field.name for field in fields_of(group)}


def _build(group: type[Group], values: Values, make: Make) -> Group:
    arguments: dict[str, object] = {}
    for field in fields_of(group):
        if _failing(field.conditions, values):
            arguments[field.name] = None
        elif field.groups:
            arguments[field.name] = _build(_choose(field.groups, values), values, make)
        elif field.name in values:
            arguments[field.name] = values[field.name]
    return make(group, arguments)  # type: ignore[return-value]  # `make` returns what it is asked for


def _choose(groups: tuple[type[Settings], ...], values: Values) -> type[Settings]:
    allowed: dict[str, list[str]] = {}
    for group in groups:
        chooses = _chooses(groups, group)
        if all(values.get(key) in names for key, names in chooses.items()):
            return group
        for key, names in chooses.items():
            allowed.setdefault(key, []).extend(names)
    key = next((key for key, names in allowed.items() if values.get(key) not in names), next(iter(allowed)))
    raise ValueError(f"{key} is {values.get(key)!r}; allowed: {', '.join(dict.fromkeys(allowed[key]))}")


def _plainly(group: type[Settings], arguments: dict[str, object]) -> Settings:
    for field in dataclasses.fields(group):
        if field.name not in arguments and default_of(field) is dataclasses.MISSING:
            raise ValueError(f"{field.name} is missing")
    return group(**arguments)


def _in_words(places: list[list[Condition]]) -> str:
    """Return what a key needs in order to apply, given which conditions fail at each of its places in the tree.

    Only the places count that need the fewest other choices. What they need in common is said; where they need
    different values of one key, any of these will do.
    """
    fewest = min(map(_count_choices, places))
    nearest = [failing for failing in places if _count_choices(failing) == fewest]
    values: dict[str, list[str]] = {}
    for failing in nearest:
        for condition in failing:
            if isinstance(condition, Choice):
                values.setdefault(condition.key, []).extend(condition.values)
    needed = [str(When(key, *dict.fromkeys(names))) for key, names in values.items()]
    for condition in nearest[0]:
        if not isinstance(condition, Choice) and all(condition in failing for failing in nearest):
            needed.append(str(condition))
    return " and ".join(needed)


def _count_choices(conditions: list[Condition]) -> int:
    return sum(isinstance(condition, Choice) for condition in conditions)
