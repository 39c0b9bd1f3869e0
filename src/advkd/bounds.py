"""What a setting's value may be beside its type: marks in the annotations of plain dataclasses.

Training reads these dataclasses where pydantic is not installed, so nothing here imports it. Where it is installed, it
asks each mark for its rule (`__get_pydantic_core_schema__`) and refuses values outside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The range of a number; a bound that is None does not apply."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    multiple_of: int | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: Callable[[object], dict[str, object]]) -> object:
        """Return pydantic's schema of the type, within these bounds."""
        limits = {name: value for name, value in vars(self).items() if value is not None}
        return {**handler(source), **limits}


Rate = Annotated[float, Bounds(gt=0, le=1)]
Fraction = Annotated[float, Bounds(ge=0, lt=1)]
Share = Annotated[float, Bounds(ge=0, le=1)]
Weight = Annotated[float, Bounds(ge=0)]
Positive = Annotated[float, Bounds(gt=0)]
Count = Annotated[int, Bounds(ge=1)]
Natural = Annotated[int, Bounds(ge=0)]
