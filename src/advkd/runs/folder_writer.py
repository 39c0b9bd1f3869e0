"""The writers of a run's folder, and what a training removes from it."""

import contextlib
import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from advkd.files import atomic, with_digest, write_json, write_text
from advkd.locks import hold
from advkd.opening import open_to_append
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import CONFIG, HISTORY, LOCK, METRICS, PRODUCTS, PROVENANCE, RESULT, SCRATCH

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class WritableFolder(RunFolder):
    """The folder of a run that is trained, evaluated or migrated. Every file is written whole or not at all."""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the folder; wait for another process that trains the same run."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open_to_append(self.file(LOCK)) as file:  # appending does not cut off the file that a link leads to
            hold(file, f"{self.path} is being trained by another process; waiting for it to end")
            yield

    def write_document(self, document: dict[str, Any]) -> None:
        """Write config.yaml."""
        write_text(self.file(CONFIG), document_text(document))

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Write history.csv. Its columns are those of all rows, in the order in which they first occur."""
        names: dict[str, None] = {}
        for row in rows:
            names.update(dict.fromkeys(row))
        text = io.StringIO()
        writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.file(HISTORY), text.getvalue())

    def write_arrays(self, name: str, arrays: dict[str, "np.ndarray"]) -> None:
        """Write samples.npz, predictions.npz or a file of scratch/."""
        import numpy as np

        with atomic(self.file(name)) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]  # numpy's stubs take any name for allow_pickle

    def write_weights(self, name: str, tensors: dict[str, "Tensor"]) -> None:
        """Write a .safetensors file of CPU tensors."""
        from safetensors.torch import save_file

        with atomic(self.file(name)) as temporary:
            save_file(tensors, temporary)

    def write_scratch_samples(self, moment: str, arrays: dict[str, "np.ndarray"]) -> None:
        """Keep arrays of `moment` until the training is done."""
        self.write_arrays(f"{SCRATCH}/{moment}.npz", arrays)

    def write_provenance(self, content: dict[str, Any]) -> None:
        """Write provenance.json, with a digest of its content."""
        write_json(self.file(PROVENANCE), with_digest(content))

    def update_data(self, data: dict[str, Any]) -> None:
        """Write today's account of the data into provenance.json; nothing where it is the same."""
        provenance = self.provenance()
        if provenance["data"] != data:
            self.write_provenance({**provenance, "data": data})

    def write_result(self, result: dict[str, Any]) -> None:
        """Write result.json, of which provenance.json must have a copy."""
        write_json(self.file(RESULT), result)

    def write_metrics(self, metrics: dict[str, Any], path: Path | None = None) -> None:
        """Write metrics.json with a digest of its content; to `path` where one is given."""
        write_json(path or self.file(METRICS), with_digest(metrics))

    def remove_result(self) -> None:
        """Delete result.json, as of a training that begins again; provenance.json still says how it ended."""
        self.file(RESULT).unlink(missing_ok=True)

    # What is removed

    def remove_products(self) -> None:
        """Delete all that an earlier training left, but its log and checkpoints.

        result.json and what follows from it go first: they must not outlive what they describe.
        """
        self.remove_scratch()
        for name in (RESULT, METRICS, PROVENANCE, *PRODUCTS, HISTORY):
            self.file(name).unlink(missing_ok=True)

    def remove_scratch(self) -> None:
        """Delete what a training keeps beside its checkpoints until it is done."""
        shutil.rmtree(self.file(SCRATCH), ignore_errors=True)

    def remove_half_written(self) -> None:
        """Delete the temporary files of a process that was killed (.NAME.tmp…; safetensors writes .tmp…)."""
        for path in self.path.rglob(".*tmp*"):
            if not path.is_dir():
                path.unlink(missing_ok=True)


def document_text(document: dict[str, Any]) -> str:
    """Return the text of a config.yaml."""
    return yaml.safe_dump(document, sort_keys=False)
