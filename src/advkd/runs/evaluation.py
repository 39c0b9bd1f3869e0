"""The commands that evaluate a trained GAN. They wait for a free GPU before torch is imported."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advkd.data import registry
from advkd.errors import UserError
from advkd.runs import provenance
from advkd.runs.allocator import keep_freed_memory
from advkd.runs.code import gan_evaluation_code
from advkd.runs.device import select_device
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import SAMPLES
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.lookup import trained_folder
from advkd.runs.state import Ending
from advkd.settings import config, config_files
from advkd.settings.feature_networks import NETWORKS, FeatureName
from advkd.settings.gan import GanEvaluation, GanRun

if TYPE_CHECKING:
    from advkd.settings.user import User


def prepare_reals(store: Path, out: Path, features: FeatureName, weights: Path | None, user: "User") -> None:
    """Write the features of a store's images, which every evaluation on this store needs, to the folder `out`.

    Args:
        store: folder of the store.
        out: folder to write.
        features: name of the feature network.
        weights: the file of its weights; None: those that a package brings, or random ones.
        user: the scale, whose file sets the number of threads, and the device are those of this user's settings.
    """
    device = _start(user)
    from advkd.runs import gan_evaluation

    gan_evaluation.prepare_reals(store, out, features, weights, _sha256(features), device)


def evaluate(run: str, reals: Path, out: Path, weights: Path | None, user: "User") -> None:
    """Write the metrics of a GAN's run to `out`; a run that did not end well has a status and no values.

    Args:
        run: the run's name.
        reals: folder that `prepare_reals` wrote.
        out: metrics.json to write.
        weights: the file of the feature network's weights; None: those that a package brings, or random ones.
        user: the scale and the device are those of this user's settings.

    Raises:
        UserError: `run` is no run's name, the run trains no GAN or is not trained with the settings of today, its
            samples are not what it wrote, or the reals or weights are not those that its settings ask for.
    """
    resolved = config.resolve(run, user)
    if not isinstance(resolved.typed, GanRun):
        raise UserError(f"{run} trains a classifier: advkd measure {run}")
    folder = WritableFolder(trained_folder(resolved).path)
    result = folder.result()
    if result["status"] != Ending.DONE:
        ended = {"status": result["status"], "step": result["step"], "sha256": result["sha256"], "values": {}}
        folder.write_metrics(ended, out)
        return
    folder.check(SAMPLES)
    device = _start(user)
    from advkd.runs import gan_evaluation

    prepared = gan_evaluation.load_reals(reals)
    _check_reals(prepared.meta, reals, folder, resolved.typed.evaluation)
    metrics = gan_evaluation.measure_samples(
        folder, prepared, weights, _sha256(resolved.typed.evaluation.features), device
    )
    codes = dict.fromkeys([prepared.meta.get("code", "unknown"), gan_evaluation_code()])
    evaluated = {"code": "+".join(codes), **provenance.machine(device)}
    folder.write_metrics({"status": Ending.DONE, "sha256": result["sha256"], **metrics, "evaluated": evaluated}, out)


def _check_reals(meta: dict[str, Any], reals: Path, folder: RunFolder, settings: GanEvaluation) -> None:
    """Refuse features of crops that the run was not trained on, or of another network than its settings ask for."""
    data = folder.provenance()["data"]
    if meta["images_sha256"] != data["sha256"]["images.npy"]:
        raise UserError(f"{reals} describes other crops than {data['store']}, on which {folder.run} was trained")
    found = meta["network"].get("features", "unknown features")
    if found != settings.features:
        raise UserError(f"{reals} was made with {found}, the settings of {folder.run} ask for {settings.features}")


def _sha256(features: FeatureName) -> str:
    """Return the checksum that the weights of a feature network must have; empty for random ones."""
    name = NETWORKS[features].weights
    if name is None:
        return ""
    checksum = registry.load_weights(config.REGISTRY)[name].archives[0].checksum
    assert checksum is not None, "the registry states it"
    return checksum.removeprefix("sha256:")


def _start(user: "User") -> Any:
    """Set the scale's number of threads, return the torch device; waits for a free GPU before torch is imported."""
    threads = config_files.scale_file(user.scale).threads
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # numpy reads it when it is imported
    keep_freed_memory()
    device = select_device(user.device, user.runs_per_gpu)
    import torch

    torch.set_num_threads(threads)
    return device
