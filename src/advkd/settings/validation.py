"""Validating what people wrote with pydantic, and telling the first fault in one line."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from advkd.errors import UserError
from advkd.schema import Settings, keys_of, not_applying, remembered
from advkd.suggestions import did_you_mean

Model = TypeVar("Model", bound=BaseModel)
Group = TypeVar("Group", bound=Settings)


class Strict(BaseModel):  # type: ignore[explicit-any]  # in pydantic's own constructor
    """A model that refuses unknown keys and does not change once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class Refused(ValueError):
    """A group of settings with a wrong value; `key` is the setting, or empty where several contradict each other."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


def validated(group: type[Settings], arguments: dict[str, object]) -> Settings:
    """Return one group of settings, its values checked and converted to their types; for `Settings.from_flat`.

    Raises:
        Refused: a value is of a wrong type or out of its bounds, or values contradict each other.
    """
    try:
        return _adapter(group).validate_python(arguments)
    except ValidationError as error:
        key, reason = first_fault(error)
        raise Refused(key, reason) from None


def validate_group(group: type[Group], flat: Mapping[str, object], what: str) -> Group:
    """Return a tree of settings from flat ones that a person or a command wrote.

    Args:
        group: the class of the tree.
        flat: values by key, those that apply and no others.
        what: names the settings in the message, as "the store's settings".

    Raises:
        UserError: a key is unknown, missing or does not apply, or a value is wrong.
    """
    known = keys_of(group)
    for key in flat:
        if key not in known:
            allowed = did_you_mean(key, known) or f"; allowed: {', '.join(known)}"
            raise UserError(f"{what}: unknown key {key!r}{allowed}")
    for key, needed in not_applying(group, flat).items():
        raise UserError(f"{what}: {key} only applies with {needed}")
    try:
        return group.from_flat(flat, validated)
    except ValueError as fault:
        raise UserError(f"{what}: {fault}") from None


def validate_model(model: type[Model], values: dict[str, object], source: Callable[[str], str]) -> Model:
    """Return `model` with `values`.

    Args:
        model: a `Strict` model.
        values: what was written.
        source: names the file or layer that a top-level key comes from, for the message.

    Raises:
        UserError: the first wrong key or value.
    """
    try:
        return model(**values)
    except ValidationError as error:
        key, reason = first_fault(error)
        if error.errors()[0]["type"] == "extra_forbidden":
            known = sorted(model.model_fields)
            reason = f"unknown key {key!r}" + (did_you_mean(key, known) or f"; allowed: {', '.join(known)}")
        raise UserError(f"{source(key.split('.')[0])}: {reason}") from None


def first_fault(error: ValidationError) -> tuple[str, str]:
    """Return the key of an error's first fault, empty where it is about several keys, and the fault in words."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return "", f"{key} is missing"
    return key, f"{key} is {first['input']!r}: {reason[0].lower()}{reason[1:]}" if key else reason


@remembered
def _adapter(group: type[Settings]) -> TypeAdapter[Settings]:
    return TypeAdapter(group)
