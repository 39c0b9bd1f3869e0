"""The papers: which settings their runs have, and what follows from these."""

from collections.abc import Mapping

from advkd.data.settings import ClassifierStoreSettings, CropStoreSettings
from advkd.files import digest
from advkd.schema import Settings, keys_of
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


def config_hash(settings: Mapping[str, object], generation: int) -> str:
    """Return the digest of settings and generation, which decide a run's numbers: a run is stale when it differs.

    Generation 0 is left out, so that runs without parents keep the hash of their settings alone.
    """
    deciding = {key: value for key, value in settings.items() if key not in WITHOUT_EFFECT_ON_TRAINING}
    return digest({**deciding, **({"generation": generation} if generation else {})})


def store_keys(paper: str) -> list[str]:
    """Return the settings that determine the prepared data set of a paper's runs."""
    store: type[Settings] = CropStoreSettings if RUN_CLASSES[paper] is GanRun else ClassifierStoreSettings
    return list(keys_of(store))
