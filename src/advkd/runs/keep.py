"""Keeps what is small of finished runs, so that every test can be repeated without weights, images and logits.

Of each run its settings, history, log, result, metrics and provenance are copied. Beside them, a classifier gets
answers.npz, from which errors and McNemar's test are computed again:

    label       uint16 (M,)  class of the evaluation image
    predicted   uint16 (M,)  class with the highest logit after the last epoch
    top5        bool (M,)    whether the label is among the five highest logits
    confidence  float16 (M,) softmax of the highest logit, without temperature
"""

import shutil
from pathlib import Path

import numpy as np
from scipy.special import softmax

from advkd.errors import UserError
from advkd.metrics.classification import TOP, wrong
from advkd.runs.folder import CONFIG, HISTORY, LOG, METRICS, PREDICTIONS, PROVENANCE, RESULT, RunFolder
from advkd.runs.lookup import finished, folder_of
from advkd.runs.predictions import classifier_metrics
from advkd.settings.config import Resolved

SMALL = (CONFIG, HISTORY, LOG, METRICS, PROVENANCE, RESULT)
ANSWERS = "answers.npz"


def keep(runs: list[Resolved], out: Path) -> int:
    """Copy the small files of those runs that are finished to `out`, under their paths; return their number.

    A run that is already there is replaced.

    Raises:
        UserError: a run's files are damaged, or `out` is the place of the runs themselves.
    """
    kept = 0
    for resolved in runs:
        folder = folder_of(resolved)
        if finished(resolved) is None:
            continue
        target = out / folder.path
        if target.resolve() == folder.path.resolve():
            raise UserError(f"{out} is where the runs are: name another folder")
        answers = _answers(folder) if folder.has(PREDICTIONS) else {}
        draft = target.with_name(f"{target.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name in SMALL:
            if folder.has(name):
                shutil.copyfile(folder.file(name), draft / name)
        if answers:
            np.savez_compressed(draft / ANSWERS, allow_pickle=False, **answers)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        kept += 1
    return kept


def _answers(folder: RunFolder) -> dict[str, np.ndarray]:
    """Return the arrays of a classifier's answers.npz; its metrics are computed if nobody did so yet."""
    classifier_metrics(folder)
    labels, logits = folder.predictions("logits")
    return {
        "label": labels.astype(np.uint16),
        "predicted": logits.argmax(1).astype(np.uint16),
        "top5": ~wrong(logits, labels, TOP),
        "confidence": softmax(logits.astype(np.float64), axis=1).max(1).astype(np.float16),
    }
