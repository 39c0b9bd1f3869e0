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
    """Return the torch device for auto, cpu or cuda.

    If there are several GPUs, wait for a free one and hold it until the process ends.

    Args:
        name: auto, cpu or cuda.
        runs_per_gpu: processes that share a GPU.

    Raises:
        UserError: torch finds no GPU although `name` is cuda or CUDA_VISIBLE_DEVICES lists one; or it finds several
            that nvidia-smi does not list, so that none can be held.
    """
    if name != "cpu":
        named = gpus.named()
        gpus.hold(runs_per_gpu)  # before torch is imported, so that a waiting process takes no memory
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
    """Return cpu or cuda for auto, cpu or cuda. For auto, look for a GPU without importing torch, for the workflow."""
    if name != "auto":
        return name
    hidden = gpus.VISIBLE in os.environ and not gpus.named()
    return "cuda" if Path("/dev/nvidiactl").exists() and not hidden else "cpu"
