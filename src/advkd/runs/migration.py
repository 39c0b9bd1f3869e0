"""Carries the runs and stores of an earlier version over to this one, as `advkd migrate` does.

The settings of a finished run may get another hash, or its folder another schema, when the version of this package
changes. Where the recorded settings are those of today, the new values are written over the old ones, and
provenance.json records the change. Weights and other products stay as they are. Nothing is deleted.

Every file is written whole or not at all: provenance.json first, with what result.json will hold, and result.json last.
So the next migration continues one that was killed, and knows each file either by its old or by its new checksum.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advkd import __version__
from advkd.damage import attempt
from advkd.data.store_meta import SCHEMA as STORE_SCHEMA
from advkd.data.store_meta import read_meta
from advkd.errors import UserError
from advkd.files import read_json, sha256_of_text, with_digest, write_json
from advkd.runs import checksums
from advkd.runs.damaged import Damaged
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import CONFIG, LOG, METRICS, PROVENANCE, RECORDS, RESULT, SCHEMA
from advkd.runs.folder_writer import WritableFolder, document_text
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.user import User

FIRST = 1  # the schema of version 0.1.0, whose folders record none
# A setting that was added to the seed. A run without parents had 0, which changes nothing.
SEED_OFFSET = "seed_offset"
# Settings of before and of today on which a run is evaluated, not trained.
EVALUATION = ("inception", "features")


@dataclass
class Report:
    """What a migration did.

    Attributes:
        migrated: names of the runs and stores that it changed.
        current: how many needed no change.
        left: for each one that cannot be carried over, the reason.
    """

    migrated: list[str] = field(default_factory=list)
    current: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def lines(self, what: str) -> Iterator[str]:
        """Yield the report on `what`, "runs" for example, line by line."""
        yield (
            f"{what}: {len(self.migrated)} carried over, {self.current} up to date,"
            f" {len(self.left)} cannot be carried over"
        )
        for name, reason in self.left.items():
            yield f"  {name}: {reason}"


def migrate_stores(data_root: Path) -> Report:
    """Migrate every prepared data set of a data folder."""
    report = Report()
    for path in sorted((data_root / "stores").glob("*/meta.json")):
        _note(report, path.parent.name, *attempt(_migrate_store, path))
    return report


def _migrate_store(path: Path) -> bool:
    """Write today's schema and a digest into a meta.json; return whether it had another schema.

    The checksums of the other files were in it before.
    """
    meta = read_meta(path.parent)
    schema = meta.get("schema", FIRST)
    if schema == STORE_SCHEMA:
        return False
    _refuse_later(schema, STORE_SCHEMA)
    with _same_time(path):
        write_json(path, with_digest({**meta, "schema": STORE_SCHEMA}))
    return True


def migrate_runs(user: User) -> Report:
    """Migrate every run of the user's scale that has a folder."""
    report = Report()
    # `runs` in the user's configuration does not matter: every folder counts.
    for folder in WritableFolder.all_of(user.scale):
        if folder.has(RESULT) or folder.has(PROVENANCE) or folder.has(LOG):
            _note(report, folder.run, *attempt(_migrate_run, folder, user))
    return report


def _note(report: Report, name: str, changed: bool | None, problem: str) -> None:
    if problem:
        report.left[name] = problem
    elif changed:
        report.migrated.append(name)
    else:
        report.current += 1


def _migrate_run(folder: WritableFolder, user: User) -> bool:
    """Write today's hash and schema into a run's folder; return whether they were others.

    Raises:
        UserError: the run cannot be carried over.
    """
    if folder.is_locked():
        raise UserError("it is being trained: migrate it when it is done")
    if not folder.has(RESULT):
        raise UserError(
            f"it is unfinished: advkd train {folder.run} continues it where its checkpoint fits, or begins it again"
        )
    resolved = config.resolve(folder.run, user)
    with folder.locked():
        return _restamp(folder, resolved)


def _restamp(folder: WritableFolder, resolved: Resolved) -> bool:
    provenance = folder.provenance()
    recorded = provenance["result"]
    result = _result_before(folder, recorded, resolved)
    document = folder.document(recorded if checksums.fits_record(CONFIG, folder.file(CONFIG), recorded) else result)
    schema = result.get("schema", FIRST)
    if (result["config_hash"], schema) == (resolved.hash, SCHEMA):
        return False
    _refuse_later(schema, SCHEMA)
    # A migration that was killed may have changed config.yaml already.
    if document["config_hash"] not in (result["config_hash"], resolved.hash):
        raise UserError("its config.yaml is of another training: train the run again")
    today = resolved.document()
    settings = dict(document["settings"])
    offset = settings.pop(SEED_OFFSET, 0)
    if differing := _differing(_for_training(settings), _for_training(today["settings"])):
        raise UserError(f"its settings are others than today's ({differing}): train the run again")
    if "generation" not in document:
        _refuse_other_numbers(resolved, offset)
    elif document["generation"] != resolved.generation:
        raise UserError(
            f"its generation is {document['generation']}, but {resolved.generation} today, so its random numbers are"
            " others: train the run again"
        )
    if provenance["data"]["store"] != resolved.store:
        raise UserError(
            f"its data set {provenance['data']['store']} is called {resolved.store} today: train the run again"
        )
    restamped = {key: today[key] for key in ("config_hash", "generation", "parents", "settings")}
    document = {**document, **restamped}
    metrics = folder.metrics(result) if folder.has(METRICS) else None
    # What an earlier version recorded of history.csv stays, so that a change since then is told.
    records = {
        **folder.checksums(RECORDS),
        **result.get("records", {}),
        CONFIG: sha256_of_text(document_text(document)),
    }
    new = {"config_hash": resolved.hash, "schema": SCHEMA, "records": records}
    if provenance["result"] != {**result, **new}:
        step = {
            "from_hash": result["config_hash"],
            "to_hash": resolved.hash,
            "from_schema": schema,
            "to_schema": SCHEMA,
            "version": __version__,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        migrations = [*provenance.get("migrations", []), step]
        folder.write_provenance({**provenance, "schema": SCHEMA, "result": {**result, **new}, "migrations": migrations})
    folder.write_document(document)
    if metrics is not None:
        with _same_time(folder.file(METRICS)):
            # A diverged GAN's recorded no checksums.
            folder.write_metrics({"sha256": result["sha256"], **_with_named_features(metrics)})
    with _same_time(folder.file(RESULT)):
        folder.write_result({**result, **new})
    return True


def _result_before(folder: RunFolder, recorded: dict[str, Any], resolved: Resolved) -> dict[str, Any]:
    """Return result.json as it was before the migration, also where one was killed after it wrote provenance.json.

    Args:
        folder: the run's folder.
        recorded: the copy of result.json in provenance.json.
        resolved: the run with today's settings.

    Raises:
        Damaged: result.json and its copy differ in more than a migration changes.
    """
    try:
        return folder.result()
    except Damaged:
        if (recorded["config_hash"], recorded.get("schema")) != (resolved.hash, SCHEMA):
            raise
        result, problem = attempt(read_json, folder.file(RESULT))
        if problem or not isinstance(result, dict) or _unchanged(result) != _unchanged(recorded):
            raise
        return result


def _unchanged(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a migration leaves as it is in result.json."""
    return {key: value for key, value in result.items() if key not in ("config_hash", "schema", "records")}


def _for_training(settings: Any) -> dict[str, Any]:
    """Return settings without those on which a run is evaluated."""
    return {key: value for key, value in settings.items() if key not in EVALUATION}


def _with_named_features(metrics: dict[str, Any]) -> dict[str, Any]:
    """Return a GAN's metrics with the name of the feature network, which had a kind of weights and a number before."""
    meta = dict(metrics.get("meta", {}))
    if "weights" not in meta:
        return metrics
    kind, dims = meta.pop("weights"), meta["dims"]
    meta.pop("implementation", None)  # the name says it
    name = f"{'' if kind == 'official' else 'random_'}inception{'' if dims == 2048 else dims}"
    return {**metrics, "meta": {"features": name, **meta}}


def _differing(recorded: dict[str, Any], today: Any) -> str:
    """Return the keys of two groups of settings whose values differ, separated by commas."""
    as_recorded = json.loads(json.dumps(today))
    keys = sorted(recorded.keys() | as_recorded.keys())
    return ", ".join(key for key in keys if recorded.get(key) != as_recorded.get(key))


def _refuse_other_numbers(resolved: Resolved, offset: int) -> None:
    """Refuse a run whose random numbers were not those of today; raises UserError.

    Version 0.1.0 drew them from the seed and, in AI-KD, TF-KD and ReActNet's second step, an offset of it alone.
    """
    if resolved.generation:
        parents = " and ".join(f"its {role}" for role in resolved.parents)
        raise UserError(
            f"its random numbers follow from its seed alone (plus {offset}), while today's are none that {parents}"
            " can draw: train the run again"
        )
    if offset:
        raise UserError(f"its random numbers are those of its seed plus {offset}: train the run again")


def _refuse_later(schema: int, known: int) -> None:
    if schema > known:
        raise UserError(f"its schema is {schema}, which a later version wrote: this one knows {known}")


@contextlib.contextmanager
def _same_time(path: Path) -> Iterator[None]:
    """Keep the time of a file's last change, by which Snakemake judges what is new, while its content is replaced."""
    before = path.stat()
    yield
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
