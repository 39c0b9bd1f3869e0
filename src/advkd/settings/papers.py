"""The papers: which settings their runs have, and what follows from these."""

from collections.abc import Mapping

from advkd.files import digest
from advkd.settings.aikd import AikdRun
from advkd.settings.classifier import ClassifierRun
from advkd.settings.gan import GanRun
from advkd.settings.gip import GipRun

RunSettings = GanRun | ClassifierRun
# A finished run is evaluated on other features without being trained again.
WITHOUT_EFFECT_ON_TRAINING = {"features"}
RUN_CLASSES: dict[str, type[GanRun] | type[ClassifierRun]] = {"okd": GanRun, "aikd": AikdRun, "gip": GipRun}


def run_settings(run: str, flat: Mapping[str, object]) -> RunSettings:
    """Return a run's settings from the flat ones of its config.yaml, which were validated when it was written.

    Args:
        run: the run's name.
        flat: its settings by key.
    """
    return RUN_CLASSES[run.partition("/")[0]].from_flat(flat)


def config_hash(
    settings: Mapping[str, object],
    generation: int,
    generators: Mapping[str, Mapping[str, str]] | None = None,
    start: str | None = None,
) -> str:
    """Return the digest of what decides a run's numbers: a run is stale when it differs.

    Generation 0, no generators and no start are left out, so that runs without them keep the hash of their settings
    alone.

    Args:
        settings: the run's settings by key.
        generation: of the run.
        generators: for each run whose images are in the data set, its name and its hash, by what they show.
        start: digest of the weights that the run starts from; None where they are drawn.
    """
    deciding = {key: value for key, value in settings.items() if key not in WITHOUT_EFFECT_ON_TRAINING}
    deciding |= {"generation": generation} if generation else {}
    deciding |= {"generators": generators} if generators else {}
    return digest(deciding | ({"start_weights": start} if start else {}))
