"""A run's folder: the readers of its files, which compare their checksums (runs/checksums.py).

`folder_names.py` names the files, `folder_writer.py` writes them, and `folder_state.py` says which state the run is in.
This module needs neither pydantic nor Snakemake nor torch.
"""

import contextlib
import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import yaml

from advkd.damage import DAMAGED, attempt
from advkd.errors import NotAFile, UserError, machine_fault
from advkd.files import read_json, read_yaml, without_digest
from advkd.locks import NoLocks, try_hold
from advkd.opening import open_file, open_text, read_text
from advkd.runs import checksums
from advkd.runs.damaged import Damaged, reason_of
from advkd.runs.folder_names import (
    ANSWERS,
    CONFIG,
    HISTORY,
    LOCK,
    LOG,
    METRICS,
    MOMENTS,
    PREDICTIONS,
    PRODUCTS,
    PROVENANCE,
    RESULT,
    SAMPLES,
    SCRATCH,
)  # fmt: skip
from advkd.runs.prediction_shapes import misshapen
from advkd.settings.classifier import ClassifierRun
from advkd.settings.gan import GanRun
from advkd.settings.names import RUN, Run
from advkd.settings.papers import run_settings

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

SettingsOf = TypeVar("SettingsOf", GanRun, ClassifierRun)

OTHER_BYTES = "is not what the run wrote (its checksum differs)"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run. Every reader raises `Damaged` where a file cannot be used.

    Attributes:
        path: the folder, which need not exist.
    """

    path: Path

    @classmethod
    def of(cls, run: Run | str, scale: str) -> Self:
        """Return the folder of a run at a scale, below the working directory."""
        return cls(_tree(scale) / str(run))

    @classmethod
    def at_all_scales(cls, run: str) -> list[Self]:
        """Return the folders of a run that exist below the working directory, whatever their scale."""
        return [cls(path) for path in sorted(Path("results").glob(f"*/runs/{run}")) if path.is_dir()]

    @classmethod
    def all_of(cls, scale: str) -> Iterator[Self]:
        """Yield the folders of runs that exist at a scale, by name, whatever their settings."""
        for path in sorted(_tree(scale).glob("*/*/*/*/seed*")):
            if path.is_dir() and RUN.fullmatch(str(path.relative_to(_tree(scale)))):
                yield cls(path)

    @property
    def run(self) -> str:
        """The run's name, which is the end of the folder's path."""
        parts = self.path.parts
        name = "/".join((parts if len(parts) >= 5 else self.path.absolute().parts)[-5:])
        return name if RUN.fullmatch(name) else str(self.path)

    def file(self, name: str) -> Path:
        """Return the path of the file `name`, one of runs/folder_names.py."""
        return self.path / name

    def has(self, name: str) -> bool:
        """Tell whether the file `name` exists."""
        return self.file(name).exists()

    # Readers

    def result(self) -> dict[str, Any]:
        """Return result.json: status, config_hash, sha256 of the products, and how the training ended."""
        with self.reading(RESULT):
            result = _mapping(read_json(self.file(RESULT)), "status", "config_hash", "sha256")
        self._refuse_other_run(result)
        if not self.has(PROVENANCE):
            return result
        try:
            recorded = self.provenance()["result"]
        except Damaged:
            return result  # whoever reads provenance.json reports it
        if not checksums.is_copy(result, recorded):
            raise self.damaged(RESULT, "differs from the copy in provenance.json")
        return result

    def provenance(self) -> dict[str, Any]:
        """Return provenance.json: data, code, attempts, time and memory, and what result.json holds."""
        with self.reading(PROVENANCE):
            provenance = _mapping(read_json(self.file(PROVENANCE)), "code", "data", "result")
            self._refuse_other_run(provenance["result"])
            return self._without_digest(PROVENANCE, provenance, provenance)

    def metrics(self, result: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return metrics.json: values, what they rest on, and by which code they were computed.

        It must be what the evaluation wrote, and rest on the products of this training.

        Args:
            result: what to compare it with; None: with result.json.
        """
        with self.reading(METRICS):
            metrics = _mapping(read_json(self.file(METRICS)), "values")
        result = result or self.result()
        metrics = self._without_digest(METRICS, metrics, result)
        if checksums.has_checksums(result) and metrics.get("sha256") != result["sha256"]:
            raise self.damaged(METRICS, "belongs to another training")
        return metrics

    def document(self, result: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return config.yaml: everything that the training read; `result` as in `metrics`."""
        with self.reading(CONFIG):
            self._check_record(CONFIG, result)
            return _mapping(yaml.safe_load(read_text(self.file(CONFIG))), "settings")

    def settings(self, kind: type[SettingsOf]) -> SettingsOf:
        """Return the settings that the training read: those of a GAN's or of a classifier's run, as `kind` asks for."""
        document = self.document()
        with self.reading(CONFIG):
            settings = run_settings(document["run"], document["settings"])
            if not isinstance(settings, kind):
                raise ValueError(f"it is not that of a {kind.__name__}")
            return settings

    def history(self) -> dict[str, list[float | None]]:
        """Return the columns of history.csv by name, one of them in `MOMENTS`; an empty field is None."""
        with self.reading(HISTORY):
            self._check_record(HISTORY)
            with open_text(self.file(HISTORY), newline="") as file:
                reader = csv.DictReader(file)
                rows = list(reader)
                names = list(reader.fieldnames or [])
            if not rows:
                raise ValueError("it has no row")
            if not set(MOMENTS) & set(names) or None in rows[0] or None in rows[-1].values():
                raise ValueError(f"it is cut off, or has no column {' or '.join(MOMENTS)}")
            columns = {name: [float(row[name]) if row[name] else None for row in rows] for name in names}
            moments = next(columns[name] for name in MOMENTS if name in columns)
            if not all(moment is not None and math.isfinite(moment) for moment in moments):
                raise ValueError(f"a row has no {' or '.join(MOMENTS)}")
            return columns

    def sample_names(self) -> list[str]:
        """Return the names of the arrays in samples.npz."""
        return self._array_names(SAMPLES)

    def samples(self, *names: str) -> list["np.ndarray"]:
        """Return the arrays `names` of samples.npz."""
        return self._arrays(SAMPLES, names)

    def predictions(self, *names: str) -> list["np.ndarray"]:
        """Return the labels (M,), integers, of predictions.npz, and its arrays `names` (M, ·), as float64.

        Raises:
            Damaged: the file is missing or damaged, an array has another shape or type, or holds values that are not
                finite.
            UserError: the images are all of one class.
        """
        labels, *arrays = self._arrays(PREDICTIONS, ("labels", *names))
        path = self.file(PREDICTIONS)
        if reason := misshapen(labels, dict(zip(names, arrays, strict=True))):
            raise self.damaged(PREDICTIONS, reason)
        if not (labels != labels[:1]).any():
            raise UserError(f"{path}: the evaluation images are all of one class, which measures nothing")
        return [labels, *(array.astype("float64") for array in arrays)]

    def crops(self) -> list["np.ndarray"] | None:
        """Return tags (M, C), bool, and photos (M,), integers, of predictions.npz; None where it has none.

        Raises:
            Damaged: the file is missing or damaged, or an array has another shape or type.
        """
        if "tags" not in self._array_names(PREDICTIONS):
            return None
        labels, tags, photos = self._arrays(PREDICTIONS, ("labels", "tags", "photos"))
        fits = tags.dtype == bool and tags.ndim == 2 and photos.dtype.kind in "iu"
        if not fits or not len(labels) == len(tags) == len(photos) or photos.ndim != 1:
            found = f"tags of type {tags.dtype} and shape {tags.shape}, photos of {photos.dtype} and {photos.shape}"
            raise self.damaged(PREDICTIONS, f"has {found} for {len(labels)} labels")
        return [tags, photos]

    def answers(self, *names: str) -> list["np.ndarray"]:
        """Return the arrays `names` of answers.npz."""
        return self._arrays(ANSWERS, names)

    def scratch_samples(self, moment: str, names: Sequence[str]) -> list["np.ndarray"]:
        """Return arrays that the running training kept at `moment`, which cannot be drawn again."""
        return self._arrays(f"{SCRATCH}/{moment}.npz", names)

    def weights(self, name: str) -> dict[str, "Tensor"]:
        """Return the tensors of a .safetensors file by name, on the CPU."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        with self.reading(name):
            try:
                with open_file(self.file(name)):  # which is refused where it is no file: the library would wait
                    return load_file(self.file(name))
            except SafetensorError as error:
                raise ValueError(str(error)) from error

    def last_lines(self, count: int) -> list[str]:
        """Return the last lines of log.txt, none where there is no log."""
        try:
            text = read_text(self.file(LOG), errors="replace")
        except FileNotFoundError:
            return []
        except NotAFile as error:
            return [str(error)]
        return text.strip().splitlines()[-count:]

    # Checksums

    def check(self, name: str) -> None:
        """Compare a product with its checksum in result.json; raises `Damaged` where it is missing or differs."""
        expected = self.result()["sha256"].get(name)
        if not self.has(name):
            raise self.damaged(name, "is missing")
        if not checksums.fits_product(self.file(name), expected):
            raise self.damaged(name, OTHER_BYTES)

    def check_run(self, run: str) -> None:
        """Raise `Damaged` where a file in the folder names another run than `run`, as after folders were mixed up."""
        for name, read in ((RESULT, read_json), (PROVENANCE, read_json), (CONFIG, read_yaml)):
            content, _ = attempt(read, self.file(name))  # of a file that cannot be read nothing is known
            if name == PROVENANCE and isinstance(content, dict):
                content = content.get("result")
            if isinstance(content, dict):
                self._refuse_other_run(content, run)

    def _refuse_other_run(self, content: dict[str, Any], run: str = "") -> None:
        """Refuse a file that names another run; `run` is by default the one that the folder's place names, if any."""
        run = run or self.run
        named = content.get("run", run)
        if named != run and RUN.fullmatch(run):
            remedy = f"move them to the folder of that run, or delete this folder, then: advkd train {run}"
            raise Damaged(self.path, f"holds the files of {named}", remedy)

    def check_weights(self) -> None:
        """Compare all weights with their checksums, as `check` does."""
        for name in self.result()["sha256"]:
            if name.endswith(".safetensors"):
                self.check(name)

    def _check_record(self, name: str, result: dict[str, Any] | None = None) -> None:
        """Compare a record of a finished run with its checksum in result.json; nothing where there is none."""
        if self.has(RESULT) and not checksums.fits_record(name, self.file(name), result or self.result()):
            raise self.damaged(name, OTHER_BYTES)

    def _without_digest(self, name: str, content: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
        """Return the content of a JSON file without its digest, which must fit; for `described` see `fits_digest`."""
        if not checksums.fits_digest(content, described):
            raise self.damaged(name, "is not what was written (its digest differs)")
        return without_digest(content)

    def intact(self, expected: dict[str, str]) -> bool:
        """Tell whether the files are those that these checksums were taken of."""
        return checksums.all_fit(self.path, expected)

    def checksums(self, names: Sequence[str]) -> dict[str, str]:
        """Return the SHA-256 of those files of `names` that exist."""
        return checksums.of_files(self.path, names)

    def damaged(self, name: str, reason: str) -> Damaged:
        """Return the error that says what is wrong with the file `name`, and what to do."""
        return Damaged(self.file(name), reason, self.remedy(name))

    def remedy(self, name: str) -> str:
        """Return what to do about a damaged file."""
        if name == METRICS:
            return "delete it, and the next snakemake evaluates the run again"
        if name == ANSWERS:
            return "take it again from where the run was kept"
        if name.startswith(SCRATCH):
            return f"delete the run's folder {self.path}, then: advkd train {self.run}"
        what = "it" if name == RESULT else f"{RESULT} beside it"
        return f"delete {what}, then: advkd train {self.run}"

    # How the run stands

    def finished(self, config_hash: str) -> dict[str, Any] | None:
        """Return result.json if the run finished with the settings of this hash, well or not, otherwise None."""
        if not self.has(RESULT):
            return None
        result = self.result()
        return result if result["config_hash"] == config_hash else None

    def was_kept(self, result: dict[str, Any]) -> bool:
        """Tell whether a run that ended well was kept with its metrics, and without what its training produced."""
        return self.has(METRICS) and bool(result["sha256"]) and not any(map(self.has, result["sha256"]))

    def is_locked(self) -> bool:
        """Tell whether a process trains this run. On a disk that keeps no locks none can."""
        if not self.has(LOCK):
            return False
        with open_file(self.file(LOCK)) as file:
            try:
                return not try_hold(file, shared=True)
            except NoLocks:
                return False

    # Helpers

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn whatever a missing, damaged or outdated file raises into `Damaged`."""
        try:
            yield
        except Damaged:
            raise
        except DAMAGED as error:
            if machine_fault(error):
                raise
            raise self.damaged(name, reason_of(error, self.file(name))) from error

    def _array_names(self, name: str) -> list[str]:
        with self._opened(name) as arrays:
            return list(arrays.files)

    def _arrays(self, name: str, names: Sequence[str]) -> list["np.ndarray"]:
        with self._opened(name) as arrays:
            for key in names:
                if key not in arrays.files:
                    raise self.damaged(name, f"has no array {key!r}, as a file of another version")
            return [arrays[key] for key in names]

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        import numpy as np

        path = self.file(name)
        if name in PRODUCTS and self.has(RESULT):
            self.check(name)
        try:
            with open_file(path) as file, np.load(file) as arrays:
                yield arrays
        except Damaged:
            raise
        except Exception as error:  # damaged bytes raise whatever zipfile, zlib and numpy's header parser stumble over
            if machine_fault(error):
                raise
            raise self.damaged(name, reason_of(error, path)) from error


def _tree(scale: str) -> Path:
    """Return the folder of all runs of a scale, below the working directory."""
    return Path("results", scale, "runs")


def _mapping(content: Any, *keys: str) -> dict[str, Any]:
    """Return the content of a file if it is a mapping with `keys`; raises ValueError or KeyError otherwise."""
    if not isinstance(content, dict):
        raise ValueError("it holds no keys and values")
    for key in keys:
        content[key]
    return content
