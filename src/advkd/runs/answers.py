"""A classifier's answer to every evaluation image: enough to repeat its tests without weights, images and logits.

They follow from predictions.npz. Where a run was kept without it (`advkd keep`), they stand in answers.npz, whose
content must have the checksum in metrics.json.
"""

import hashlib
from dataclasses import astuple, dataclass

import numpy as np

from advkd.metrics.classification import TOP, confidence, wrong
from advkd.runs.folder import OTHER_BYTES, RunFolder
from advkd.runs.folder_names import ANSWERS, METRICS, PREDICTIONS


@dataclass(frozen=True)
class Answers:
    """What a classifier says of M evaluation images after its last epoch.

    Attributes:
        label: (M,) uint16, class of the image.
        predicted: (M,) uint16, class with the highest logit.
        top5: (M,) bool, whether the label is among the five highest logits.
        confidence: (M,) float16, softmax of the highest logit, without temperature.
    """

    label: np.ndarray
    predicted: np.ndarray
    top5: np.ndarray
    confidence: np.ndarray

    @classmethod
    def from_logits(cls, labels: np.ndarray, logits: np.ndarray) -> "Answers":
        """Return the answers behind logits (M, C) of images of classes `labels` (M,)."""
        return cls(
            labels.astype(np.uint16),
            logits.argmax(1).astype(np.uint16),
            ~wrong(logits, labels, TOP),
            confidence(logits).astype(np.float16),
        )

    @property
    def wrong(self) -> np.ndarray:
        """Whether each image is misclassified, (M,) bool."""
        return np.asarray(self.predicted != self.label)

    def sha256(self) -> str:
        """Return the SHA-256 of the arrays' values, one after the other."""
        return hashlib.sha256(b"".join(array.tobytes() for array in astuple(self))).hexdigest()


def read_answers(folder: RunFolder) -> Answers:
    """Return the answers of a classifier's run, which must have been evaluated.

    Raises:
        Damaged: predictions.npz, or in its absence answers.npz, is missing, damaged, or not that of this training.
    """
    if folder.has(PREDICTIONS) or not folder.has(ANSWERS):
        return Answers.from_logits(*folder.predictions("logits"))
    answers = Answers(*folder.answers(*Answers.__annotations__))
    if answers.sha256() != folder.metrics().get("answers"):
        raise folder.damaged(ANSWERS, OTHER_BYTES.replace("its checksum", f"its checksum in {METRICS}"))
    return answers
