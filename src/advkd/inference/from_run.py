"""Reads a trained network from a run's folder, which may have been copied to another machine."""

from pathlib import Path
from typing import Any

from advkd.errors import UserError
from advkd.extras import extra_of, lacking
from advkd.inference.description import Description, Epoch, Saved
from advkd.metrics.calibration import COLDEST, HOTTEST, fit_temperature
from advkd.progress import say
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import BEST, METRICS, MODEL, PREDICTIONS, RESULT
from advkd.runs.predictions import classifier_metrics
from advkd.runs.state import Ending, ending
from advkd.settings.names import RUN

LOGITS: dict[Epoch, str] = {"last": "logits", "best": "best_logits"}  # arrays of predictions.npz
# Of what provenance.json holds, what does not change with every attempt; of an attempt, what decides its numbers.
ABOUT, OF_ATTEMPT = ("code", "wall_seconds"), ("began", "commit", "changed", "device", "gpu", "processor", "packages")


def read_run(folder: RunFolder, epoch: Epoch, measure: bool = False) -> Saved:
    """Return the network that a finished run trained.

    Args:
        folder: the run's folder; nothing outside it is read.
        epoch: whose weights.
        measure: compute the metrics of a classifier that nobody has measured yet, if SciPy and scikit-learn are there.

    Raises:
        UserError: the run did not end well, or a file is missing or damaged.
    """
    try:
        if measure and folder.has(PREDICTIONS):
            _measure(folder)
        return _read(folder, epoch)
    except Damaged as error:
        if RUN.fullmatch(folder.run):
            raise
        # A copy of a run's folder cannot be trained, so the remedy is another one.
        raise UserError(f"{error.path} {error.reason}: copy the run's whole folder again") from error


def _read(folder: RunFolder, epoch: Epoch) -> Saved:
    if not folder.has(RESULT):
        raise UserError(f"{folder.path} is the folder of a run that is not finished (it has no {RESULT})")
    result = folder.result()
    if result["status"] != Ending.DONE:
        raise UserError(f"{folder.path}: the run is {result['status']} {ending(result)}: it has no trained network")
    document, provenance = folder.document(), folder.provenance()
    of_gan = document["loop"] == "gan"
    if of_gan and epoch == "best":
        raise UserError(f"{document['run']} trains a GAN, which keeps the weights of its last iteration only")
    weights = BEST if epoch == "best" else MODEL
    folder.check(weights)
    temperature, uncalibrated = (None, "it is no classifier") if of_gan else _temperature(folder, epoch)
    description = Description(
        run=document["run"],
        scale=document["scale"],
        settings=document["settings"],
        classes=tuple(provenance["data"]["classes"]),
        epoch=epoch,
        temperature=temperature,
        uncalibrated=uncalibrated,
        metrics=folder.metrics()["values"] if folder.has(METRICS) else {},
        provenance=_about(provenance),
    )
    return Saved(description, folder.weights(weights), str(folder.file(weights)))


def _measure(folder: RunFolder) -> None:
    try:
        classifier_metrics(folder)
    except ModuleNotFoundError as error:
        say(f"{folder.run} is not measured yet, which {lacking(extra_of(error))}")


def _temperature(folder: RunFolder, epoch: Epoch) -> tuple[float | None, str]:
    """Return the temperature fitted on all evaluation images, or None and why there is none."""
    kept = folder.metrics()["values"].get("temperature_whole") if folder.has(METRICS) and epoch == "last" else None
    if kept is None and not folder.has(PREDICTIONS):
        return None, f"its folder has no {PREDICTIONS} to fit one on"
    if kept is None:
        try:
            labels, logits = folder.predictions(LOGITS[epoch])
        except Damaged:
            raise
        except UserError:
            return None, "its evaluation images are all of one class"
        kept = fit_temperature(logits, labels)
    if kept == COLDEST:
        return None, "every evaluation image is classified correctly, so none can be fitted"
    if kept == HOTTEST:
        return None, "the classifier is no better than chance, so none can be fitted"
    return float(kept), ""


def _about(provenance: dict[str, Any]) -> dict[str, Any]:
    """Return what a user wants to know of a run's provenance."""
    attempt = provenance["attempts"][-1]
    return {
        "config_hash": provenance["result"]["config_hash"],
        "best_epoch": provenance["result"].get("best_epoch"),
        **{key: provenance[key] for key in ABOUT if key in provenance},
        **{key: attempt[key] for key in OF_ATTEMPT if key in attempt},
        "data": {key: value for key, value in provenance["data"].items() if key != "classes"},
    }


def find_run(run: str, scale: str | None) -> RunFolder:
    """Return the folder of a run below the working directory.

    Args:
        run: the run's name.
        scale: the scale that it was trained at; None: the only one at which it is finished.

    Raises:
        UserError: it was not trained here, or at several scales.
    """
    if scale is not None:
        folder = RunFolder.of(run, scale)
        if not folder.path.is_dir():
            raise UserError(f"{run} is not trained at scale {scale} here: there is no {folder.path}")
        return folder
    found = [folder for folder in RunFolder.at_all_scales(run) if folder.has(RESULT)]
    if not found:
        raise UserError(f"{run} is not trained here: no finished run of this name is in {Path.cwd() / 'results'}")
    if len(found) > 1:
        places = " and ".join(str(folder.path) for folder in found)
        raise UserError(f"{run} is trained at several scales: name the folder of one, {places}")
    return found[0]
