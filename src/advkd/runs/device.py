"""Which device computes.

Choices:
    - [okd, aikd] Usual: all of float32's digits, as on the paper's 2080 Ti. Here: float32 convolutions use TF32 where a
      GPU has it. Why: PyTorch's default; recorded in provenance.json.
"""

import os
from pathlib import Path
from typing import Any

from advkd.errors import UserError
from advkd.runs import gpus


def select_device(name: str, runs_per_gpu: int = 1) -> Any:
    """Return the torch device for auto, cpu or cuda; of several GPUs a free one, waited for and kept till the end.

    Raises:
        UserError: CUDA is asked for, or a scheduler or the user names a GPU for this process, and torch finds none; or
            it finds several of which none can be held, since nvidia-smi does not list them.
    """
    if name != "cpu":
        named = gpus.named()
        gpus.hold(runs_per_gpu)  # before torch is imported: who waits here holds no memory
    import torch

    if name != "cpu":
        if torch.cuda.is_available():
            if torch.cuda.device_count() > 1:
                raise UserError(f"nvidia-smi does not list the GPUs that torch finds: name one in {gpus.VISIBLE}")
            return torch.device("cuda")
        if name == "cuda":
            raise UserError("device is cuda, but torch finds no CUDA device here: use --config device=cpu (or auto)")
        if named:
            raise UserError(
                f"{gpus.VISIBLE} is {','.join(named)}, but torch finds no CUDA device here: use --config device=cpu"
            )
        gpus.release()
    return torch.device("cpu")


def expected(name: str) -> str:
    """Return cpu or cuda for a device's name.

    `auto` looks for a GPU without importing torch, which the workflow must not do.
    """
    if name != "auto":
        return name
    hidden = gpus.VISIBLE in os.environ and not gpus.named()
    return "cuda" if Path("/dev/nvidiactl").exists() and not hidden else "cpu"
