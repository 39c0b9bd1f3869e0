"""What a classifier says of crops of photos: enough to repeat every test on them, resampling photos.

It follows from predictions.npz. Where a run was kept without it (`advkd keep`), it stands in answers.npz beside the
answers, and its content must have the checksum in metrics.json.
"""

import hashlib

from advkd.metrics.crops import Crops
from advkd.runs.folder import OTHER_BYTES, RunFolder
from advkd.runs.folder_names import ANSWERS, METRICS, PREDICTIONS

CHECKSUM = "crops"  # the key in metrics.json


def has_crops(folder: RunFolder) -> bool:
    """Tell whether the run of a folder, which must have been evaluated, was evaluated on crops of photos."""
    return CHECKSUM in folder.metrics()


def predicted_crops(folder: RunFolder) -> Crops | None:
    """Return what follows from predictions.npz; None where a run was evaluated on other images than crops."""
    arrays = folder.crops()
    if arrays is None:
        return None
    _, logits = folder.predictions("logits")
    return Crops.from_logits(logits, *arrays)


def read_crops(folder: RunFolder) -> Crops:
    """Return what a run says of crops; `has_crops` tells whether there are any.

    Raises:
        Damaged: predictions.npz, or in its absence answers.npz, is missing, damaged, or not that of this training.
    """
    if folder.has(PREDICTIONS) or not folder.has(ANSWERS):
        crops = predicted_crops(folder)
        if crops is None:
            raise folder.damaged(PREDICTIONS, "has no photos of its crops")
        return crops
    crops = Crops(*folder.answers(*Crops._fields))
    if checksum(crops) != folder.metrics().get(CHECKSUM):
        raise folder.damaged(ANSWERS, OTHER_BYTES.replace("its checksum", f"its checksum in {METRICS}"))
    return crops


def checksum(crops: Crops) -> str:
    """Return the SHA-256 of the arrays' values, one after the other."""
    return hashlib.sha256(b"".join(array.tobytes() for array in crops)).hexdigest()
