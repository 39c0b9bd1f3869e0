"""How long finished runs trained, from the times that they recorded, and on which hardware.

The wall time of a run covers its steps, its evaluations and its checkpoints, and also its start and its end. What ran
beside it on the same machine slowed it down and is not recorded.
"""

from collections.abc import Iterable
from typing import NamedTuple

from advkd.artifacts.measured import Measured
from advkd.artifacts.number_format import format_measured
from advkd.metrics.effect import Sample
from advkd.runs.lookup import finished, folder_of
from advkd.runs.paces import pace
from advkd.runs.provenance import describe_machines
from advkd.runs.state import Ending
from advkd.settings.config import Resolved

SECONDS_PER_EPOCH = "seconds_per_epoch"  # the metric's name in paper/published and in claims
ITERATIONS = 1000  # of a GAN: one takes too short a time to be read


class TrainingTime(NamedTuple):
    """What an epoch took, or 1,000 iterations of a GAN.

    Attributes:
        seconds: wall seconds, over seeds.
        per: "epoch", or "1,000 iterations".
        machines: the hardware of all attempts, each once.
    """

    seconds: Measured
    per: str
    machines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{format_measured(self.seconds)} s per {self.per}, on {'; '.join(self.machines)}"


def training_time(runs: Iterable[Resolved]) -> TrainingTime | None:
    """Return what the trainings of runs that differ only in their seed took; None if none of them ended well.

    Raises:
        UserError: a file of a run is damaged.
    """
    seconds: list[float] = []
    machines: dict[str, None] = {}
    per = "epoch"
    for run in runs:
        folder, result = folder_of(run), finished(run)
        if result is None or result["status"] != Ending.DONE:
            continue
        provenance = folder.provenance()
        machines |= dict.fromkeys(describe_machines(provenance))
        if "epochs" in result:
            seconds.append(pace(provenance))
        else:
            seconds.append(ITERATIONS * pace(provenance))
            per = f"{ITERATIONS:,} iterations"
    return TrainingTime(Measured(*Sample.from_values(seconds)), per, tuple(machines)) if seconds else None
