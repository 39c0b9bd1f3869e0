"""The states of a run, in one type."""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any


class Ending(StrEnum):
    """How a training ended: "status" in result.json."""

    DONE = "done"
    DIVERGED = "diverged"
    BLOCKED = "blocked"  # a run that it learns from diverged


class Kind(Enum):
    """What a run's folder says about the run; the value is the word that people read."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    UNFINISHED = "unfinished"
    STALE = "outdated"  # of other settings, or of parents that were trained again
    DIVERGED = "diverged"
    BLOCKED = "blocked"
    DONE = "done"
    NOT_EVALUATED = "trained, not evaluated"  # a GAN's metrics are made by a job of their own
    KEPT = "done (kept without its weights)"
    OLDER_CODE = "done (counts; code changed since)"
    OTHER_FEATURES = "done (evaluated on other features)"
    OLDER_EVALUATION = "done (counts; code of its metrics changed since)"
    DAMAGED = "damaged"
    NOT_BUILT = "cannot be built"  # its settings are impossible


DONE = frozenset(
    {Kind.DONE, Kind.NOT_EVALUATED, Kind.KEPT, Kind.OLDER_CODE, Kind.OTHER_FEATURES, Kind.OLDER_EVALUATION}
)


@dataclass(frozen=True)
class State:
    """The state of a run.

    Attributes:
        kind: one of `Kind`.
        detail: the reason, the place or what to do next; empty where the kind says it all.
    """

    kind: Kind
    detail: str = ""

    @property
    def word(self) -> str:
        """The kind in words, for example "done (counts; code changed since)"."""
        return self.kind.value

    @property
    def done(self) -> bool:
        """Whether the training ended well."""
        return self.kind in DONE

    @property
    def finished(self) -> bool:
        """Whether the training ended, well or not, with today's settings."""
        return self.done or self.kind in (Kind.DIVERGED, Kind.BLOCKED)

    def __str__(self) -> str:
        return f"{self.word}: {self.detail}" if self.detail else self.word


def ending(result: dict[str, Any]) -> str:
    """Return where a run diverged ("at epoch 3") or which run blocked it ("by RUN"), given its result.json."""
    if result["status"] == Ending.BLOCKED:
        return f"by {result['parent']}"
    return f"at epoch {result['epoch']}" if "epoch" in result else f"at step {result['step']}"
