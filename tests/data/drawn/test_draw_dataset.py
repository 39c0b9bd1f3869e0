import gzip
import io
import tarfile
import time
import zipfile

import pytest
from layouts import FOLDERS, contents
from PIL import Image

from advkd.data import registry
from advkd.data.drawn.draw_dataset import draw_dataset
from advkd.data.drawn.official_layouts import LAYOUTS
from advkd.errors import UserError
from advkd.settings.config import REGISTRY

EVERY = ["codebrim", *LAYOUTS]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    began = time.process_time()
    for name in LAYOUTS:
        draw_dataset(name, folder / name, 12)
    assert time.process_time() - began < 10  # about 1 s on an idle core
    return folder


def test_every_data_set_of_the_registry_can_be_drawn():
    assert set(EVERY) == set(registry.load(REGISTRY))


@pytest.mark.parametrize("name", EVERY)
def test_the_files_are_the_published_ones_and_their_bytes_follow_from_the_seed(name, tmp_path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        draw_dataset(name, tmp_path / folder, 4, seed)
    first, again, other = (files(tmp_path / folder) for folder in "abc")
    assert first == again
    assert first != other
    assert set(first) == {remote.file for remote in registry.load(REGISTRY)[name].archives}


def test_archives_tell_no_time_and_no_user(drawn):
    for path in drawn.glob("*/*.tar*"):
        with tarfile.open(path) as archive:
            assert {(info.mtime, info.uid, info.uname, info.mode) for info in archive} == {(0, 0, "", 0o644)}
    for path in drawn.glob("*/*gz"):
        with gzip.open(path) as file:
            file.read(1)
            assert file.mtime == 0
    with zipfile.ZipFile(drawn / "tiny_imagenet" / "tiny-imagenet-200.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", [name for name in LAYOUTS if "cifar" not in name])
def test_images_vary_as_the_real_ones_do(name):
    images = [
        Image.open(io.BytesIO(data)) for key, data in contents(name).items() if key.lower().endswith(("jpg", "jpeg"))
    ]
    assert len(images) == 64 + (name == "mit67")
    sizes = {image.size for image in images}
    assert sizes == {(64, 64)} if name == "tiny_imagenet" else len(sizes) > 20
    assert [image.mode for image in images].count("L") == 1
    assert {image.format for image in images} == {"JPEG"}


def test_the_first_images_do_not_depend_on_their_number(drawn):
    with zipfile.ZipFile(drawn / "tiny_imagenet" / "tiny-imagenet-200.zip") as archive:
        for name, data in contents("tiny_imagenet").items():
            if name.startswith("train/"):
                assert archive.read(f"{FOLDERS['tiny_imagenet']}/{name}") == data


def test_an_unknown_data_set(tmp_path):
    with pytest.raises(UserError, match="nothing can be drawn for 'imagenet'; known are codebrim, cifar10"):
        draw_dataset("imagenet", tmp_path, 4)
    assert list(tmp_path.iterdir()) == []
