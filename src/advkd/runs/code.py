"""Digests of the code behind a run and behind its metrics, which tell whether they were made by other code."""

from collections.abc import Iterable
from itertools import chain

from advkd.code import code_digest
from advkd.settings.papers import RunSettings

# The rooms whose code can change the numbers of a training, and those of an evaluation. Settings do not count: their
# values are in the configuration's hash.
TRAINING_CODE = ("models", "methods", "training")
EVALUATION_CODE = ("metrics",)


def code_of(settings: RunSettings, parents: Iterable[RunSettings] = ()) -> str:
    """Return the digest of today's code that can change the numbers of a run.

    Args:
        settings: the run's settings.
        parents: the settings of the runs that it starts from or learns from, whose networks it uses.
    """
    return code_digest(start_modules(settings, parents), TRAINING_CODE)


def start_modules(settings: RunSettings, parents: Iterable[RunSettings] = ()) -> list[str]:
    """Return the modules whose imports are the code behind a run: its loop, its method, its and its parents' networks.

    Arguments as for `code_of`.
    """
    networks = chain.from_iterable(run.networks for run in (settings, *parents))
    implementations = [settings.method.implementation, *(network.implementation for network in networks)]
    return [f"advkd.training.{settings.loop}", *(name.partition(":")[0] for name in implementations)]


def gan_evaluation_code() -> str:
    """Return the digest of today's code that computes the metrics of a GAN's run."""
    return code_digest(["advkd.runs.gan_evaluation"], EVALUATION_CODE)


def classifier_evaluation_code(crops: bool = False) -> str:
    """Return the digest of today's code that computes the metrics of a classifier's run, of crops of photos or not."""
    modules = ["advkd.metrics.classification", *(["advkd.metrics.crops"] if crops else [])]
    return code_digest(modules, EVALUATION_CODE)
