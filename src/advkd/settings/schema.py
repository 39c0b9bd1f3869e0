"""What every schema of a paper's runs (`gan`, `aikd`, `gip`) is made of."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from advkd.settings.names import Run

Rate = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """A model that refuses unknown keys and does not change once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


POSITIVE = (">",)


class RunSettings(Strict):
    """What the schemas of all papers share.

    `needs` names, for each optional key, the settings that it needs, each with the values under which the key has a
    meaning, or `POSITIVE`.
    """

    store_keys: ClassVar[tuple[str, ...]]  # the settings that determine the prepared data set
    made_key: ClassVar[str]  # the setting that says how many images are drawn where data is `made`
    loop: ClassVar[str]  # the module of advkd.training that trains such runs
    needs: ClassVar[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]]

    @classmethod
    def parents(cls, run: Run, settings: dict[str, Any]) -> dict[str, Run]:
        """Return the runs that `run` starts from or learns from, by role, given its validated `settings`."""
        return {}

    @classmethod
    def meaningless(cls, values: dict[str, Any]) -> dict[str, str]:
        """Return the keys that have no meaning beside the other `values`, each with what it needs.

        What needs a key without meaning has none either.
        """
        found: dict[str, str] = {}
        for _ in cls.needs:
            left = {key: value for key, value in values.items() if key not in found}
            more = {
                key: setting + (" > 0" if wanted == POSITIVE else f" {' or '.join(wanted)}")
                for key, conditions in cls.needs.items()
                for setting, wanted in conditions
                if key not in found and not _has(left.get(setting), wanted)
            }
            if not more:
                break
            found |= more
        return found

    @model_validator(mode="after")
    def _complete(self) -> Self:
        meaningless = self.meaningless(dict(self))
        for key in self.needs:
            if key in meaningless and getattr(self, key) is not None:
                raise ValueError(f"{key} has a meaning with {meaningless[key]} only")
            if key not in meaningless and getattr(self, key) is None:
                raise ValueError(f"{key} is missing")
        return self


def _has(value: Any, wanted: tuple[str, ...]) -> bool:
    return bool(value) if wanted == POSITIVE else value in wanted
