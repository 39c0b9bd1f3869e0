"""Reading what a person wrote as settings: the words KEY=VALUE of --config, and config/config.yaml.

Both front ends, `advkd` and Snakemake, read with this module. Every value is first the text that was typed: a path or a
name stays it, also where it looks like a number or a date. The settings' own types then turn the others into numbers.
"""

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Literal, Union, get_args, get_origin

import yaml

from advkd.errors import UserError
from advkd.settings.names import parse_value
from advkd.settings.user import User

NOTHING = ("", "~", "null")


def _is_text(annotation: object) -> bool:
    """Return whether values of a type are one text: not a number, a list, or keys and values."""
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_text(part) for part in get_args(annotation))
    return annotation is str or get_origin(annotation) is Literal


TEXTS = frozenset(key for key, field in User.model_fields.items() if _is_text(field.annotation))


def read_words(words: Iterable[str]) -> dict[str, object]:
    """Return the settings of words KEY=VALUE; a later word is laid over an earlier one, level by level.

    Raises:
        UserError: a word has no `=`, or its value is no valid YAML.
    """
    settings: dict[str, object] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise UserError(f"--config {word!r}: expected KEY=VALUE")
        settings = merge(settings, {key: _read_value(key, value)})
    return settings


def _read_value(key: str, text: str) -> object:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    if key in TEXTS and not quoted:
        return text
    try:
        return load_texts(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"--config {key}={text}: is no valid YAML: {' '.join(str(error).split())}") from None


def load_texts(text: str) -> object:
    """Return the content of a YAML text, with every number, date and truth value as it is written."""
    return yaml.load(text, Loader=yaml.BaseLoader)


def merge(base: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """Return `base` with `changes` laid over it, level by level as Snakemake does."""
    merged = {**base, **changes}
    for key, change in changes.items():
        below = base.get(key)
        if isinstance(below, dict) and isinstance(change, dict):
            merged[key] = merge(below, change)
    return merged


def with_values(settings: Mapping[str, object]) -> dict[str, object]:
    """Return a user's settings with texts for nothing as None, and hyper-parameters as numbers and truth values."""
    values = {key: None if value in NOTHING else value for key, value in settings.items()}
    if isinstance(values.get("override"), dict):
        values["override"] = _typed(values["override"])
    return values


def _typed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if isinstance(value, str):
        return None if value in NOTHING else parse_value(value)
    return value
