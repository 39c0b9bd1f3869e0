"""The shapes that the arrays of predictions.npz must have."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def misshapen(labels: "np.ndarray", arrays: dict[str, "np.ndarray"]) -> str:
    """Return what is wrong with predictions, as the end of a sentence; empty where nothing is."""
    import numpy as np

    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        return f"has labels of type {labels.dtype} and shape {labels.shape}, not integers (M,)"
    for name, array in arrays.items():
        if array.ndim != 2 or len(array) != len(labels) or array.dtype.kind != "f":
            return f"has {name} of type {array.dtype} and shape {array.shape} for {len(labels)} labels"
        broken = int((~np.isfinite(array)).any(axis=1).sum())
        if broken:
            return f"has {name} that are not finite for {broken} of {len(labels)} images"
    return ""
