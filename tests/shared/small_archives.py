"""Small archives in the layout of CODEBRIM, made of noise."""

import io
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from advkd.data.archives.archive import Archive
from advkd.data.faults import Faults
from advkd.data.photos import Photo
from advkd.data.readers import codebrim
from advkd.data.registry import DataSet, RemoteFile


def jpeg(width: int = 96, height: int = 80, mode: str = "RGB", seed: int = 0, orientation: int = 1) -> bytes:
    """Return a JPEG of noise; `orientation` is its EXIF tag."""
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(file, "JPEG", exif=exif if orientation != 1 else b"")
    return file.getvalue()


def xml(image: str, boxes: list[tuple[tuple[int, int, int, int], str]], size: tuple[int, int] | None = None) -> bytes:
    """Return an annotation.

    Args:
        image: the photo's name.
        boxes: pairs of corners, counted from 1, and space-separated names of the set tags.
        size: the width and height that <size> states; None: no <size>.
    """
    objects = []
    for corners, tags in boxes:
        corner = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
        marks = "".join(f"<{tag}>{int(tag in tags.split())}</{tag}>" for tag in codebrim.TAGS)
        objects.append(f"<object><bndbox>{corner}</bndbox><Defect>{marks}</Defect></object>")
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    return f"<annotation><filename>{image}</filename>{stated}{''.join(objects)}</annotation>".encode()


def members() -> dict[str, bytes]:
    """Return six photos, four of them with annotations; every class has boxes in at least two photos."""
    files = {f"original_dataset/images/image_{i}.jpg": jpeg(96 + 8 * i, 120, seed=i) for i in range(6)}
    for i in range(4):
        boxes = [
            ((1, 1, 96, 120), "Crack Efflorescence"),
            ((5, 9, 90, 100), "Spallation ExposedBars CorrosionStain"),
            ((3, 4, 22, 30), "ExposedBars"),
            ((1, 1, 40, 40), "Background"),
        ]
        files[f"original_dataset/annotations/image_{i}.xml"] = xml(f"image_{i}.jpg", boxes)
    return files


def read_photos(archive: Archive, tolerated: int = 0, counters: Counter[str] | None = None) -> list[Photo]:
    """Return the photos of an archive in CODEBRIM's layout; raise a UserError if too much of it is faulty."""
    faults = Faults(archive.path, "codebrim", tolerated)
    photos = codebrim.read_codebrim(archive, Counter() if counters is None else counters, faults)
    faults.settle()
    return photos


def pack(path: Path, contents: dict[str, bytes], **options) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def pack_tar(path: Path, contents: dict[str, bytes]) -> Path:
    """Write a tar archive, compressed if its name says so."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


TINY = DataSet(
    name="codebrim",
    title="Tiny",
    use="anybody may",
    licence="none",
    citation="nobody",
    homepage="http://localhost",
    archives=(RemoteFile("tiny.zip", "http://localhost:9/tiny.zip", None, None),),
    folder="original_dataset",
    expect={"jpg": 6, "xml": 4},
    official=None,
    notes=None,
)


def listen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that collects the lines that the data modules print."""
    lines: list[str] = []
    for module in (
        "archives.download", "archives.fetch_dataset", "archives.folder_archive", "archives.verification",
        "readers.codebrim", "readers.photo_folder", "crop_store", "faults", "label_worth",
    ):  # fmt: skip
        monkeypatch.setattr(f"advkd.data.{module}.say", lines.append)
    return lines
