"""Finding and opening the parts of a data set.

A part is the local form of one published file: the archive, its extracted folder, or a loose file. Parts are looked for
by their official names, in the data folder or in a mirror: first in a subfolder named like the data set, then in the
folder itself. The subfolder is needed where two data sets have official folders of the same name.

Data sets are handed around in nestings of such folders: programs extract into a folder named like the archive, and what
is packed again, as on Kaggle, gets another one (indoorCVPR_09/indoorCVPR_09/Images). So each place is searched through
the folders named like the data set, its archives or its official folder, and no others.
"""

import tarfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from advkd.data.archives.archive import Archive
from advkd.data.archives.folder_archive import FolderArchive
from advkd.data.archives.joined_archive import JoinedArchive
from advkd.data.archives.tar_archive import GZIP, TarArchive
from advkd.data.archives.zip_archive import ZipArchive
from advkd.data.registry import TAR_SUFFIXES, DataSet, RemoteFile
from advkd.errors import UserError
from advkd.opening import open_file

MOST_NESTED = 3  # folders between a place and what is looked for


class Part(NamedTuple):
    """One published file: its entry in the registry, its local path, and its content.

    `path` is the file itself or the folder into which it was extracted.
    """

    remote: RemoteFile
    path: Path
    archive: Archive

    @property
    def kind(self) -> str:
        """What `path` is: "zip", "tar", "folder" (extracted), or "file" (published as it is)."""
        return self.archive.kind if self.remote.is_archive else "file"


def locate_parts(dataset: DataSet, mirror: Path) -> list[Path]:
    """Return the paths of the parts of a data set in `mirror`, in the registry's order.

    Args:
        dataset: an entry of the registry.
        mirror: a folder that holds the parts; or the official folder itself, with the other parts in it or beside it;
            or the archive itself, under any name if the data set has only one.

    Raises:
        UserError: a part is missing.
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
    return [_locate_part(dataset, remote, mirror) for remote in dataset.archives]


def open_parts(dataset: DataSet, paths: Sequence[Path], links: bool = False) -> list[Part]:
    """Open the parts of a data set.

    Args:
        dataset: an entry of the registry.
        paths: where the parts are, in the registry's order.
        links: whether links in extracted folders are followed.

    Raises:
        UserError: a part is missing, damaged or not the official one.
    """
    parts = []
    for remote, path in zip(dataset.archives, paths, strict=True):
        archive: Archive
        if remote.is_archive:
            archive = open_archive(path, dataset.folder_of(remote), tuple(remote.files), links)
        else:
            archive = FolderArchive(path.parent, (path.name,))
        parts.append(Part(remote, path, archive))
    return parts


def join_parts(dataset: DataSet, parts: Sequence[Part]) -> Archive:
    """Return the files of all parts as one archive, by their official names.

    The names are relative to the official folder. If there are several parts, they are relative to the folder into
    which the archives are extracted.
    """
    if len(parts) == 1:
        return parts[0].archive
    prefixed = []
    for part in parts:
        folder = dataset.folder_of(part.remote)
        prefixed.append((f"{folder}/" if folder else "", part.archive))
    return JoinedArchive(prefixed)


def open_archive(path: Path, folder: str | None, only: Sequence[str] = (), links: bool = False) -> Archive:
    """Open a zip archive, a tar archive or an extracted folder.

    The type of an archive is recognised by its first bytes.

    Args:
        path: the archive, or the extracted official folder.
        folder: the official folder in the archive; None: the top of the archive.
        only: the names of the wanted files; empty: all.
        links: whether links in an extracted folder are followed. Archives with links are refused.

    Raises:
        UserError: the file is missing, damaged or not the official archive.
    """
    path = Path(path)
    if path.is_dir():
        return FolderArchive(path, only, links=links)
    try:
        with open_file(path) as file:
            start = file.read(tarfile.BLOCKSIZE)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    # A tar archive of the oldest format has no mark; then its name decides.
    named_tar = path.name.lower().endswith(TAR_SUFFIXES) and not start.startswith(b"PK")
    if start.startswith(GZIP) or start[257:262] == b"ustar" or named_tar:
        return TarArchive(path, folder, only)
    return ZipArchive(path, folder, only)


def _locate_part(dataset: DataSet, remote: RemoteFile, mirror: Path) -> Path:
    folder = dataset.folder_of(remote)
    names = _nesting_names(dataset)
    places = [mirror / dataset.name, mirror]
    as_named, resolved = mirror.absolute(), mirror.resolve()  # the mirror may be a link
    mirror_is_official_folder = dataset.folder in (as_named.name, resolved.name)
    for place in [] if folder else [as_named, resolved]:
        while place.name in names:  # the mirror is one of the nested folders; the lists lie beside one
            place = place.parent
            places.append(place)
    for place in places:
        nested = list(_nested(place, names))
        for inner in nested:
            if (inner / remote.file).is_file():
                return inner / remote.file
        for inner in nested:
            if folder and (inner / folder).is_dir():
                return inner / folder
            if remote.files and all((inner / name).is_file() for name in remote.files):
                return inner
    if mirror_is_official_folder and folder:
        return mirror
    if remote.is_archive:
        content = f"the extracted folder {folder}" if folder else f"its files {', '.join(remote.files)}"
        fault, pronoun = f"holds neither the archive {remote.file} nor {content}", "one"
    else:
        fault, pronoun = f"holds no {remote.file}", "it"
    raise UserError(
        f"the mirror {mirror} {fault} of {dataset.name}: put {pronoun} there (from {dataset.homepage}), or leave mirror"
        " out to download it"
    )


def _nesting_names(dataset: DataSet) -> set[str]:
    """Return the names of the folders in which a data set may be nested."""
    names = {dataset.name, *(remote.stem for remote in dataset.archives if remote.is_archive)}
    return names | {dataset.folder} if dataset.folder else names


def _nested(place: Path, names: Collection[str], depth: int = MOST_NESTED) -> Iterator[Path]:
    """Yield the folders in `place` that are nested by these names, and then `place` itself: inner ones come first."""
    if depth:
        for name in sorted(names):
            if (place / name).is_dir():
                yield from _nested(place / name, names, depth - 1)
    yield place
