"""Finding or downloading the published files of a data set, and verifying them."""

from collections.abc import Sequence
from pathlib import Path

from advkd.data.archives.download import find_or_download
from advkd.data.archives.parts import join_parts, locate_parts, open_parts
from advkd.data.archives.record import Record, describe_parts
from advkd.data.archives.verification import verify_parts
from advkd.data.registry import DataSet
from advkd.progress import say


def fetch_dataset(
    dataset: DataSet, *, mirror: Path | None, root: Path, accept: str | None, links: bool = False
) -> Record:
    """Find or download the files of a data set, verify them, and return their record.

    Args:
        dataset: an entry of the registry.
        mirror: where to look for the files, see `locate_parts`; None: in `root`/archives, and if they are not there,
            download them to it.
        root: the folder of all data, which holds checksums.json and archives/.
        accept: "sha256:HEX" of the only archive, or "content:HEX": accept these files even if they fail verification.
        links: whether links in extracted folders are followed.

    Raises:
        UserError: the files are not in the mirror, cannot be downloaded, are damaged or fail verification.
    """
    if mirror is not None:
        return _verified_record(dataset, locate_parts(dataset, Path(mirror)), root, accept, links)
    if not all((root / "archives" / remote.file).exists() for remote in dataset.archives):
        say(dataset.notice())
    paths = [find_or_download(remote, mirror=None, root=root) for remote in dataset.archives]
    return _verified_record(dataset, paths, root, accept, links)


def _verified_record(dataset: DataSet, paths: Sequence[Path], root: Path, accept: str | None, links: bool) -> Record:
    say(f"reading {', '.join(map(str, paths))} to verify {dataset.title}")
    parts = open_parts(dataset, paths, links)
    archive = join_parts(dataset, parts)
    record = describe_parts(dataset, parts, archive)
    if links:
        record["links"] = True
    return {**record, "verified": verify_parts(dataset, parts, archive, record, root=root, accept=accept)}
