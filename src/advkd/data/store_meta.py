"""Reading a store's meta.json, which `store_draft` writes. This needs no numpy: commands that only ask start fast."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advkd import files
from advkd.errors import UserError, machine_fault

META = "meta.json"
SCHEMA = 2  # of a store's folder; a folder of version 0.1.0 records none, and no digest of meta.json
REMEDY = "delete the folder and prepare the data again"
# Settings that meta.json only records where they apply.
OPTIONAL = ("banner", "classes", "train_per_class", "valid_per_class", "only_class", "generator", "synthetic", "alone")


def read_meta(folder: Path) -> dict[str, Any]:
    """Return the content of a store's meta.json, without its digest, which is compared.

    Raises:
        UserError: it is not what was written.
        FileNotFoundError: there is none.
    """
    path = Path(folder) / META
    try:
        meta = files.read_json(path)
        if not isinstance(meta, dict):
            raise ValueError("it is no mapping")
        fits = files.fits_digest(meta, demanded=meta.get("schema", 1) >= 2)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, RecursionError) as error:
        if machine_fault(error):
            raise
        raise UserError(f"{path} is damaged ({error}): {REMEDY}") from error
    if not fits and files.DIGEST not in meta:
        raise UserError(f"{path} has no digest, as that of an earlier version: {REMEDY}")
    if not fits:
        raise UserError(f"{path} is not what was written (its digest differs): {REMEDY}")
    return files.without_digest(meta)


def check_settings(folder: Path, meta: Mapping[str, Any], settings: Mapping[str, object]) -> None:
    """Check that a store was prepared with a run's settings: a folder may have been copied under another store's name.

    Args:
        folder: the store.
        meta: the content of its meta.json.
        settings: the run's settings by key, of which the store's are a part.

    Raises:
        UserError: it holds another data set, or was prepared with other settings.
    """
    dataset, recorded = settings["dataset"], meta.get("settings", {})
    if (name := meta.get("name", dataset)) != dataset:
        raise UserError(f"{folder} holds {name}, not {dataset}: {REMEDY}")
    for key in dict.fromkeys([*recorded, *(OPTIONAL if recorded else ())]):
        if recorded.get(key) != settings.get(key):
            raise UserError(f"{folder} was prepared with {key} {recorded.get(key)}, not {settings.get(key)}: {REMEDY}")


def is_whole(meta: dict[str, Any]) -> bool:
    """Return whether a store was prepared from all of its source, so that nothing of it is faulty.

    Of a classifier's data all images are in the store. Of photos with boxes, whose crops are drawn, all annotations and
    the headers of all annotated photos were read.

    Args:
        meta: the content of meta.json.
    """
    if meta["source"].get("left_out"):
        return False
    statistics = meta.get("statistics")
    return statistics is None or meta["images"] + meta["held_out"] == statistics["train"] + statistics["valid"]
