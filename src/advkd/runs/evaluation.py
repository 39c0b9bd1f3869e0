"""The commands that evaluate a trained GAN. They wait for a free GPU before torch is imported."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advkd.files import write_json
from advkd.runs import provenance
from advkd.runs.allocator import keep_freed_memory
from advkd.runs.code import gan_evaluation_code
from advkd.runs.device import select_device
from advkd.runs.folder import SAMPLES
from advkd.runs.lookup import trained_folder
from advkd.runs.state import Ending
from advkd.settings import config

if TYPE_CHECKING:
    from advkd.settings.user import User


def prepare_reals(
    store: Path, out: Path, weights: Path | None, weights_sha256: str, dims: int, threads: int, user: "User"
) -> None:
    """Write the features of a store's images, which every evaluation on this store needs, to the folder `out`.

    Args:
        store: folder of the store.
        out: folder to write.
        weights: verified weights of the FID network; None for random, seeded ones.
        weights_sha256: checksum that `weights` must have.
        dims: number of features per image.
        threads: CPU threads.
        user: the device is chosen as this user's settings say.
    """
    device = _start(threads, user)
    from advkd.runs import gan_evaluation

    gan_evaluation.prepare_reals(store, out, weights, weights_sha256, dims, device)


def evaluate(
    run: str, reals: Path, out: Path, weights: Path | None, weights_sha256: str, threads: int, user: "User"
) -> None:
    """Write the metrics of a GAN's run to `out`; a run that did not end well has a status and no values.

    Args:
        run: the run's name.
        reals: folder that `prepare_reals` wrote.
        out: metrics.json to write.
        weights: verified weights of the FID network; None for random, seeded ones.
        weights_sha256: checksum that `weights` must have.
        threads: CPU threads.
        user: the scale and the device are those of this user's settings.

    Raises:
        UserError: `run` is no run's name, the run is not trained with the settings of today, or its samples are not
            what it wrote.
    """
    folder = trained_folder(config.resolve(run, user))
    result = folder.result()
    if result["status"] != Ending.DONE:
        write_json(out, {"status": result["status"], "step": result["step"], "values": {}})
        return
    folder.check(SAMPLES)
    device = _start(threads, user)
    from advkd.runs.gan_evaluation import measure_samples

    metrics = measure_samples(folder, reals, weights, weights_sha256, device)
    evaluated = {"code": gan_evaluation_code(), **provenance.machine(device)}
    write_json(out, {"status": Ending.DONE, "sha256": result["sha256"], **metrics, "evaluated": evaluated})


def _start(threads: int, user: "User") -> Any:
    """Set the number of threads and return the torch device; waits for a free GPU before torch is imported."""
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # numpy reads it when it is imported
    keep_freed_memory()
    device = select_device(user.device, user.runs_per_gpu)
    import torch

    torch.set_num_threads(threads)
    return device
