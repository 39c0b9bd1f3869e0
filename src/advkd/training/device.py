"""Which device computes.

Choices:
    - [okd, aikd] Usual: all of float32's digits, as on the paper's 2080 Ti. Here: float32 convolutions use TF32 where a
      GPU has it. Why: PyTorch's default; recorded in provenance.json.
"""

from typing import Any

from advkd.errors import UserError


def select_device(name: str) -> Any:
    """Return the torch device for auto, cpu or cuda; raises UserError where CUDA is asked for and absent."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device is cuda, but torch finds no CUDA device here: use --config device=cpu (or auto)")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
