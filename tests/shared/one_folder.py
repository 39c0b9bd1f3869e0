"""The folder of one run, empty or finished."""

import numpy as np

from advkd.runs import folder_names as names
from advkd.runs.folder_writer import WritableFolder

RUN = "aikd/cifar100/preact_resnet18/baseline/seed0"


def empty_folder():
    """Return the folder of RUN at scale smoke, below the working folder."""
    found = WritableFolder.of(RUN, "smoke")
    found.path.mkdir(parents=True)
    return found


def finish(folder, **changes):
    """Write what a training of three classes leaves at its end."""
    labels = np.arange(6) % 3
    folder.write_arrays(
        names.PREDICTIONS, {"labels": labels, "logits": np.eye(3)[labels], "features": np.ones((6, 2), np.float16)}
    )
    folder.write_provenance({"code": "today", "data": {}, "result": {}})
    folder.write_result({"status": "done", "config_hash": "a", "sha256": folder.checksums(names.PRODUCTS), **changes})
