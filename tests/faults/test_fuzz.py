"""Fuzzes the readers of data sets, names of runs and settings (see `fuzzing`)."""

import contextlib
import gzip
import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import fuzzing
import numpy as np
import pytest
from fuzzing import checked, damaged, examples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small_archives import read_photos

from advkd import cli
from advkd.data import images
from advkd.data.archives.archive import Archive
from advkd.data.archives.parts import open_archive
from advkd.data.classifier_store import READERS
from advkd.data.drawn.draw_dataset import draw_dataset
from advkd.data.images import decode_image
from advkd.data.readers import codebrim, matlab
from advkd.errors import UserError
from advkd.settings import config
from advkd.settings.names import Run, check_canonical
from advkd.settings.user import User


class Memory(Archive):
    """An archive of files in memory."""

    kind = "memory"

    def __init__(self, files):
        super().__init__(Path("official.zip"))
        self.files = files

    def names(self):
        return sorted(self.files)

    def open(self, name):
        return io.BytesIO(self.files[name])


def jpeg():
    file = io.BytesIO()
    Image.effect_noise((70, 66), 50).save(file, "JPEG")
    return file.getvalue()


TAGS = "".join(f"<{tag}>{int(tag == 'Crack')}</{tag}>" for tag in codebrim.TAGS)
ANNOTATION = (
    "<annotation><filename>a.jpg</filename><object><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>60</xmax>"
    f"<ymax>61</ymax></bndbox><Defect>{TAGS}</Defect></object></annotation>"
).encode()
PHOTO = jpeg()


@given(damaged(ANNOTATION), st.integers(0, 2))
@examples(30)
def test_annotations(annotation, tolerated):
    with checked():
        photos = read_photos(Memory({"a.jpg": PHOTO, "a.xml": annotation}), tolerated)
        for box in photos[0].boxes:
            assert 0 <= box.xmin < box.xmax <= 70 and 0 <= box.ymin < box.ymax <= 66 and box.labels


def encoded(suffix):
    file = io.BytesIO()
    Image.effect_noise((9, 7), 50).save(file, suffix)
    return file.getvalue()


PICTURES = {suffix: encoded(suffix) for suffix in images.FORMATS}


@given(st.sampled_from(list(PICTURES)).flatmap(lambda suffix: damaged(PICTURES[suffix])))
@examples(60)
def test_pictures(data):
    with checked():
        pixels = decode_image(Memory({"x": data}), "x", upright=True).pixels
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return the files of each drawn data set for classification, by their names in the official folder."""
    found = {}
    for name in READERS:
        place = tmp_path_factory.mktemp(name)
        draw_dataset(name, place / "drawn", 2)
        for path in (place / "drawn").iterdir():
            if path.suffix == ".txt":
                shutil.copy(path, place)
            else:
                shutil.unpack_archive(path, place, **({} if path.suffix == ".zip" else {"filter": "data"}))
        shutil.rmtree(place / "drawn")
        inner = [path for path in place.iterdir() if path.name not in ("Images",)]
        root = inner[0] if len(inner) == 1 and inner[0].is_dir() else place
        found[name] = {
            path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
        }
    return found


LISTS = {
    "cifar10": ["data_batch_1", "batches.meta"], "cifar100": ["train", "meta"],
    "tiny_imagenet": ["wnids.txt", "val/val_annotations.txt"], "mit67": ["TrainImages.txt"],
    "cub200": ["classes.txt", "images.txt", "image_class_labels.txt", "train_test_split.txt"],
    "fgvc_aircraft": ["data/variants.txt", "data/images_variant_trainval.txt"],
}  # fmt: skip


@given(st.data())
@examples(30)
def test_lists_of_data_sets(drawn, data):
    name = data.draw(st.sampled_from(list(LISTS)))
    file = data.draw(st.sampled_from(LISTS[name]))
    changed = data.draw(damaged(drawn[name][file]))
    with checked():
        found = READERS[name](Memory({**drawn[name], file: changed}))
        listed = [item.image for item in (*found.train, *found.valid)]
        assert len(set(listed)) == len(listed)
        for items in (found.train, found.valid):
            assert {item.label for item in items} == set(range(len(found.classes)))


@given(st.data())
@examples(1)
def test_matlab_files(drawn, data):
    """Only few examples, because each takes a process."""
    changed = data.draw(damaged(drawn["stanford_dogs"]["train_list.mat"]))
    with contextlib.suppress(ValueError):
        rows = matlab.load_variables(changed, ("file_list", "labels"))
        assert len(rows) == 2


CONTENT = {"set/a.jpg": PHOTO, "set/b/c.txt": b"text" * 50, "set/empty": b""}


def packed(kind):
    file = io.BytesIO()
    if kind.startswith("zip"):
        with zipfile.ZipFile(file, "w", {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}[kind[4:]]) as archive:
            for name, data in CONTENT.items():
                archive.writestr(name, data)
        return file.getvalue()
    with tarfile.open(
        fileobj=file, mode="w", format=tarfile.PAX_FORMAT if "pax" in kind else tarfile.GNU_FORMAT
    ) as archive:
        for name, data in CONTENT.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 0.5 if "pax" in kind else 0
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(file.getvalue()) if kind.endswith("gz") else file.getvalue()


KINDS = ["zip stored", "zip deflated", "zip bzip2", "zip lzma", "tar gnu", "tar pax", "tar pax gz"]
ARCHIVES = {kind: packed(kind) for kind in KINDS}


@given(
    st.sampled_from(KINDS).flatmap(lambda kind: damaged(ARCHIVES[kind])),
    st.sampled_from(["a.zip", "a.tar", "a.tar.gz"]),
)
@examples(80)
def test_archives(tmp_path_factory, data, name):
    folder = tmp_path_factory.getbasetemp() / "archives"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    with checked():
        found = open_archive(folder / name, "set")
        for inner in found.order(found.names()):
            assert not inner.startswith("/") and ".." not in inner.split("/")
            with contextlib.suppress(UserError):
                found.read(inner)
        assert len(found.digest()) == 64


RUNS = [
    "okd/codebrim/sagan/okd+rho=0.3/seed0",
    "aikd/cifar100/preact_resnet18/aikd/seed2",
    "gip/cifar10/reactnet18/gip+binary=all/seed1",
]


NEARLY = (
    st.sampled_from(RUNS).flatmap(lambda name: damaged(name.encode())).map(lambda data: data.decode(errors="replace"))
)


@given(NEARLY | st.from_regex(r"(okd|aikd|gip)/\w+/\w+/\w+(\+\w+=[\w.-]+){0,2}/seed\d+", fullmatch=True))
@examples(80)
def test_names_of_runs(name):
    with checked():
        run = Run.parse(name)
        assert str(run) == name and ".." not in Path(name).parts
        check_canonical(run)
        config.resolve(run, User())


KEYS = sorted(User.model_fields)
NAMES = st.sampled_from(["okd", "gip", "rho", "width", "x"]) | st.text(max_size=3)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["okd", *RUNS])
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), VALUES, max_size=3))
@examples(60)
def test_values_of_the_configuration(values):
    with checked():
        user = config.user(values)
        config.resolve(RUNS[0], user)


@given(st.sampled_from(KEYS), damaged(b"{okd: {rho: 0.3, width: [1, 2]}, x: 'y'}"))
@examples(40)
def test_settings_on_the_command_line(capsys, key, value):
    with checked(), contextlib.suppress(SystemExit):
        assert cli.main(["config", RUNS[0], "--config", f"{key}={value.decode(errors='replace')}"]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_the_checks_can_fail():
    """They detect another exception, several lines, an empty line and a write elsewhere."""
    for wrong in (ValueError("x"), UserError("two\nlines"), UserError("")):
        with pytest.raises((AssertionError, ValueError)), checked():
            raise wrong
    with pytest.raises(AssertionError, match="elsewhere"), checked(Path("/nowhere")):
        fuzzing._watch("open", ("elsewhere", "w", fuzzing.WRITING))
