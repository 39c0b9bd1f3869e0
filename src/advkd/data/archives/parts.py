"""The parts of a data set: what each of its published files is here, an archive, a loose file or what was extracted.

A part is looked for by its official names, in the folder of all data or in a mirror: first in a subfolder named like
the data set, which tells apart data sets whose folders are called the same, then in the folder itself.
"""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from advkd.data.archives.members import Archive, FolderArchive
from advkd.data.archives.tar import GZIP, TarArchive
from advkd.data.archives.zip import ZipArchive
from advkd.data.readers.joined import JoinedArchive
from advkd.data.registry import TARS, DataSet, RemoteFile
from advkd.errors import UserError


class Part(NamedTuple):
    """One published file: its entry in the registry, where it or what was extracted from it lies, and its files."""

    remote: RemoteFile
    path: Path
    archive: Archive

    @property
    def kind(self) -> str:
        """What lies there: "zip", "tar", "folder" (extracted) or "file" (published as it is)."""
        return self.archive.kind if self.remote.is_archive else "file"


def locate(dataset: DataSet, mirror: Path) -> list[Path]:
    """Return where the parts of a data set lie in `mirror`, in the registry's order.

    Args:
        dataset: an entry of the registry.
        mirror: a folder that holds the parts, the official folder itself (other parts then lie in it or beside it),
            or the archive itself, by any name if there is but one.

    Raises:
        UserError: a part is not there.
    """
    if not mirror.exists():
        raise UserError(f"the mirror {mirror} does not exist")
    if mirror.is_file():
        files = [remote.file for remote in dataset.archives]
        if len(files) == 1:
            return [mirror]
        if mirror.name not in files:
            raise UserError(f"the mirror {mirror} is one file: name the folder that holds {', '.join(files)}")
        mirror = mirror.parent
    return [_find(dataset, remote, mirror) for remote in dataset.archives]


def open_parts(dataset: DataSet, paths: Sequence[Path]) -> list[Part]:
    """Open the parts of a data set at `paths`, which are in the registry's order.

    Raises:
        UserError: one of them is not what it should be.
    """
    parts = []
    for remote, path in zip(dataset.archives, paths, strict=True):
        if remote.is_archive:
            archive = open_archive(path, dataset.folder_of(remote), tuple(remote.files))
        else:
            archive = FolderArchive(path.parent, (path.name,))
        parts.append(Part(remote, path, archive))
    return parts


def join(dataset: DataSet, parts: Sequence[Part]) -> Archive:
    """Return the files of all parts by their official names.

    They are relative to the official folder; if there are several parts, to where their archives are extracted.
    """
    if len(parts) == 1:
        return parts[0].archive
    folders = (dataset.folder_of(part.remote) for part in parts)
    return JoinedArchive(
        [(f"{folder}/" if folder else "", part.archive) for folder, part in zip(folders, parts, strict=True)]
    )


def open_archive(path: Path, folder: str | None, only: Sequence[str] = ()) -> Archive:
    """Return the files of the zip or tar archive `path` below its folder `folder`, or of the extracted folder `path`.

    An archive is told by its first bytes. `only`: the names that are wanted, if not all.

    Raises:
        UserError: there is none, it is damaged, or not the official one.
    """
    path = Path(path)
    if path.is_dir():
        return FolderArchive(path, only)
    try:
        with path.open("rb") as file:
            start = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    named_tar = path.name.lower().endswith(TARS) and not start.startswith(b"PK")
    is_tar = start.startswith(GZIP) or start[257:262] == b"ustar" or named_tar
    return (TarArchive if is_tar else ZipArchive)(path, folder, only)


def _find(dataset: DataSet, remote: RemoteFile, mirror: Path) -> Path:
    folder, itself = dataset.folder_of(remote), mirror.resolve().name == dataset.folder
    for place in (mirror / dataset.name, mirror, *([mirror.resolve().parent] if itself and not folder else [])):
        if (place / remote.file).is_file():
            return place / remote.file
        for extracted in (place / remote.stem, place):  # some programs extract into a folder named like the archive
            if folder and (extracted / folder).is_dir():
                return extracted / folder
            if remote.files and not folder and all((extracted / name).is_file() for name in remote.files):
                return extracted
    if itself and folder:
        return mirror
    what, put = f"holds no {remote.file}", "it"
    if remote.is_archive:
        content = f"the extracted folder {folder}" if folder else f"its files {', '.join(remote.files)}"
        what, put = f"holds neither the archive {remote.file} nor {content}", "one"
    raise UserError(
        f"the mirror {mirror} {what} of {dataset.name}: put {put} there (from {dataset.homepage}), or leave mirror out "
        "to download it"
    )
