"""Keeps what is small of finished runs, so that every test can be repeated without weights, images and logits.

Of each run its settings, history, log, result, metrics and provenance are copied. A classifier gets answers.npz beside
them (`answers.Answers`), from which errors, McNemar's test and their intervals are computed again; of crops of photos
also what average precision and its intervals are computed from (`metrics.crops.Crops`). A GAN's metrics hold
each generator's distances and their standard errors; KID is computed from all pairs of images, so there are no subsets.
"""

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np

from advkd.errors import UserError
from advkd.runs.answers import read_answers
from advkd.runs.crops import has_crops, read_crops
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import ANSWERS, CONFIG, HISTORY, LOG, METRICS, PREDICTIONS, PROVENANCE, RESULT
from advkd.runs.lookup import finished, folder_of
from advkd.runs.predictions import classifier_metrics
from advkd.settings.config import Resolved

SMALL = (CONFIG, HISTORY, LOG, METRICS, PROVENANCE, RESULT)


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
        draft = target.with_name(f"{target.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        if folder.has(PREDICTIONS) or folder.has(ANSWERS):
            _write_answers(folder, draft)
        for name in SMALL:
            if folder.has(name):
                shutil.copyfile(folder.file(name), draft / name)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        kept += 1
    return kept


def _write_answers(folder: RunFolder, draft: Path) -> None:
    """Write a classifier's answers.npz; its metrics, which hold the checksum, are computed if nobody did so yet."""
    classifier_metrics(folder)
    arrays = asdict(read_answers(folder))
    if has_crops(folder):
        arrays |= read_crops(folder)._asdict()
    np.savez_compressed(draft / ANSWERS, allow_pickle=False, **arrays)
