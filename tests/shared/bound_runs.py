"""Rewrites what the end of a training records, after a test changed a file of its folder."""

from pathlib import Path

from advkd.files import DIGEST, read_json
from advkd.runs.folder_names import PRODUCTS, PROVENANCE, RECORDS
from advkd.runs.folder_writer import WritableFolder


def rebind(path: Path) -> None:
    """Give a finished run the checksums of the files that it has, as if its training had written them."""
    folder = WritableFolder(path)
    provenance = read_json(folder.file(PROVENANCE))
    del provenance[DIGEST]
    checksums = {"sha256": folder.checksums(PRODUCTS), "records": folder.checksums(RECORDS)}
    result = {**provenance["result"], **checksums}
    folder.write_provenance({**provenance, "result": result})
    folder.write_result(result)
