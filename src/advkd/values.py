"""Whether the value of a setting is one of those that its annotation allows, without pydantic.

What a person writes in a file or on the command line is checked by pydantic, which also converts it
(settings/validation.py). Here the groups check themselves, also where a user makes them in Python.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from advkd.bounds import Bounds

Rule = Callable[[object], bool]


def allowed(annotation: object) -> str:
    """Return in words the values that an annotation allows."""
    kind = get_origin(annotation)
    if kind is Annotated:
        plain, *marks = get_args(annotation)
        return allowed(plain) + "".join(_limits(mark) for mark in marks if isinstance(mark, Bounds))
    if kind is Literal:
        return ", ".join(map(repr, get_args(annotation)))
    if kind in (Union, UnionType):
        return " or ".join(allowed(part) for part in get_args(annotation) if part is not NoneType)
    if kind is tuple:
        return f"several, each {allowed(get_args(annotation)[0])}"
    for plain_type, words in ((bool, "True or False"), (int, "a whole number"), (float, "a number"), (str, "a text")):
        if annotation is plain_type:
            return words
    return str(getattr(annotation, "__name__", annotation))


def _limits(bounds: Bounds) -> str:
    words = {"gt": " above", "ge": " from", "lt": " below", "le": " up to", "multiple_of": ", a multiple of"}
    return "".join(f"{word} {limit}" for name, word in words.items() if (limit := vars(bounds)[name]) is not None)


def rule(annotation: object) -> Rule:
    """Return the function that tells whether a value is one that an annotation allows.

    Annotations of other forms than settings have allow every value.
    """
    kind = get_origin(annotation)
    if kind is Annotated:
        plain, *marks = get_args(annotation)
        return _all([rule(plain), *(_within(mark) for mark in marks if isinstance(mark, Bounds))])
    if kind is Literal:
        return get_args(annotation).__contains__
    if kind in (Union, UnionType):
        parts = [rule(part) for part in get_args(annotation)]
        return lambda value: any(part(value) for part in parts)
    if kind is tuple:
        each = rule(get_args(annotation)[0])
        return lambda value: isinstance(value, tuple) and all(map(each, value))
    if annotation is float:
        return lambda value: isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if annotation is int:
        return lambda value: isinstance(value, Integral) and not isinstance(value, bool)
    if isinstance(annotation, type):
        return lambda value: isinstance(value, annotation)
    return lambda value: True


def _all(rules: list[Rule]) -> Rule:
    return lambda value: all(rule(value) for rule in rules)


def _within(bounds: Bounds) -> Rule:
    def within(value: object) -> bool:
        assert isinstance(value, Real)  # the rule of the type came first
        number = float(value)
        return not (
            (bounds.gt is not None and number <= bounds.gt)
            or (bounds.ge is not None and number < bounds.ge)
            or (bounds.lt is not None and number >= bounds.lt)
            or (bounds.le is not None and number > bounds.le)
            or (bounds.multiple_of is not None and number % bounds.multiple_of)
        )

    return within
