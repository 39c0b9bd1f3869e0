"""`advkd.load`: one line from a run, a run's folder or an exported folder to a network that can be used."""

import os
from pathlib import Path

import torch

from advkd.errors import UserError
from advkd.inference.classifier import Classifier
from advkd.inference.description import EPOCHS, Epoch, Saved
from advkd.inference.exported import is_export, read_export
from advkd.inference.from_run import find_run, read_run
from advkd.inference.generators import Generators
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import CONFIG, RESULT
from advkd.settings.gan import GanRun
from advkd.settings.names import RUN

DTYPES = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "float64": torch.float64,
}  # fmt: skip


def load(
    source: str | os.PathLike[str],
    *,
    epoch: Epoch | None = None,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype = "float32",
    scale: str | None = None,
) -> Classifier | Generators:
    """Return the trained network of a run or of an exported folder, ready to be used.

    Args:
        source: a run's folder, which may have been copied from another machine; a folder that `advkd export` wrote; or
            a run's name, such as "aikd/cifar100/preact_resnet18/aikd/seed0", which is looked for in `results` below the
            working directory.
        epoch: of a classifier's run, "last" (which None is too) or "best": the epoch with the lowest Top-1 error on the
            evaluation images. An exported folder has the one that was exported.
        device: "cpu", "cuda", another name of torch's, or "auto": a GPU if there is one.
        dtype: the type that the network computes in: "float32", "bfloat16", "float16" or "float64".
        scale: of a run's name, the scale that it was trained at; only needed where it was trained at several.

    Returns:
        A `Classifier` with `predict`, or of a GAN's run `Generators` with `generate`.

    Raises:
        UserError: there is no such run or folder, the run did not end well, a file is missing or damaged, or an
            argument is impossible; the message says what to do, in one line.
    """
    if epoch is not None and epoch not in EPOCHS:
        raise UserError(f"epoch is {epoch!r}: ask for {' or '.join(EPOCHS)}")
    return opened(read(source, epoch, scale), device, dtype)


def read(source: str | os.PathLike[str], epoch: Epoch | None, scale: str | None, measure: bool = False) -> Saved:
    """Return the trained network of a run or of an exported folder as it lies on the disk.

    Arguments and errors are those of `load`, and `measure` is that of `read_run`.
    """
    path = Path(source)
    if path.is_dir():
        if is_export(path):
            return read_export(path, epoch)
        if not any((path / name).exists() for name in (RESULT, CONFIG)):
            raise UserError(f"{path} is neither a run's folder (no {RESULT}) nor an exported one (no config.json)")
        return read_run(RunFolder(path), epoch or "last", measure)
    if RUN.fullmatch(str(source)):
        return read_run(find_run(str(source), scale), epoch or "last", measure)
    raise UserError(f"{source} is neither a folder nor a run's name, such as aikd/cifar100/preact_resnet18/aikd/seed0")


def opened(saved: Saved, device: str | torch.device, dtype: str | torch.dtype) -> Classifier | Generators:
    """Return what `load` returns, of a network that was read; arguments and errors are those of `load`."""
    chosen = _device(device), _dtype(dtype)
    return Generators(saved, *chosen) if isinstance(saved.description.typed, GanRun) else Classifier(saved, *chosen)


def _device(name: str | torch.device) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device is {name!r}, which torch does not know: cpu, cuda, cuda:1, auto, …") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device is {name!s}, but torch finds no CUDA device here: use cpu")
    return device


def _dtype(name: str | torch.dtype) -> torch.dtype:
    for known, dtype in DTYPES.items():
        if name in (known, dtype):
            return dtype
    raise UserError(f"dtype is {name!s}: use {', '.join(DTYPES)}")
