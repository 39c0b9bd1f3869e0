import importlib.util
import re
from pathlib import Path
from urllib.parse import urlparse

import pytest

from advkd.data import registry
from advkd.errors import UserError
from advkd.settings.feature_networks import NETWORKS

PATH = Path(__file__).parents[2] / "config/datasets.yaml"


def test_every_data_set_of_the_papers_is_there():
    sets = registry.load(PATH)
    assert set(sets) == {
        *("codebrim", "cifar10", "cifar100", "tiny_imagenet"),
        *("cub200", "stanford_dogs", "mit67", "fgvc_aircraft"),
    }
    assert sets["codebrim"].expect == {"jpg": 1590, "xml": 1052}
    assert sets["cifar100"].archives[0].size == 169_001_437
    assert sets["fgvc_aircraft"].official == {"classes": 100, "train": 6667, "valid": 3333}


def test_addresses_and_checksums_agree_with_torchvision():
    # its text: importing it takes seconds
    folder = Path(importlib.util.find_spec("torchvision").origin).parent / "datasets"
    cifar, aircraft = ((folder / name).read_text() for name in ("cifar.py", "fgvc_aircraft.py"))
    sets = registry.load(PATH)
    for name in ("cifar10", "cifar100"):
        (archive,) = sets[name].archives
        assert archive.checksum.removeprefix("md5:") in cifar and archive.url in cifar
        for file, checksum in archive.files.items():
            beside = rf'"{file}",\s*("key": "\w+",\s*"md5": )?"{checksum.removeprefix("md5:")}"'
            assert re.search(beside, cifar)
    assert sets["fgvc_aircraft"].archives[0].url in aircraft


def test_entries_are_well_formed():
    for entry in (*registry.load(PATH).values(), *registry.load_weights(PATH).values()):
        for text in (entry.title, entry.licence, entry.use, entry.citation, entry.homepage):
            assert text and text == text.strip()
        for archive in entry.archives:
            assert urlparse(archive.url).scheme in ("http", "https")
            assert archive.file in archive.url or "Inside the package" in entry.notes
            for checksum in archive.files.values():
                assert checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}", checksum)
            assert archive.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", archive.checksum)
        assert entry.archives[0].file in entry.notice() and entry.licence in entry.notice()
        assert entry.use in entry.notice() and "not published" not in entry.notice()


def test_what_is_read_of_each_archive():
    sets = registry.load(PATH)
    assert len(sets["cifar10"].archives[0].files) == 7 and len(sets["cifar100"].archives[0].files) == 3
    images, lists = sets["stanford_dogs"].archives
    assert (sets["stanford_dogs"].folder_of(images), sets["stanford_dogs"].folder_of(lists)) == ("Images", None)
    assert set(lists.files) == {"train_list.mat", "test_list.mat"}
    assert [archive.is_archive for archive in sets["mit67"].archives] == [True, False, False]
    assert [archive.stem for archive in sets["cub200"].archives] == ["CUB_200_2011"]
    assert sets["cifar10"].archives[0].stem == "cifar-10-python"


def test_the_class_folders_are_as_many_as_the_classes():
    for entry in registry.load(PATH).values():
        for what, count in entry.expect.items():
            assert not what.endswith("/") or count == entry.official["classes"]


def test_weights_of_the_fid_network():
    weights = registry.load_weights(PATH)
    inception = weights["inception"]
    # torch hub's convention: the name ends in the first digits of the checksum
    assert inception.archives[0].checksum.startswith("sha256:6726825d")
    assert inception.archives[0].size == 95_628_359


def test_weights_of_the_feature_networks():
    weights = registry.load_weights(PATH)
    assert set(weights) == {network.weights for network in NETWORKS.values()} - {None}
    (file,) = weights["efficientnet_lite0"].archives
    assert file.checksum.startswith("sha256:57934424") and file.file.endswith("-57934424.pth")


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match=r"'svhn'; known are codebrim, cifar10"):
        registry.load(PATH)["svhn"]
    with pytest.raises(UserError, match=r"'codebrin'; did you mean codebrim\?"):
        registry.load(PATH)["codebrin"]


@pytest.mark.parametrize("text", ["a: [", "- 1", "x: {title: a}", "x: 3"])
def test_a_broken_registry_is_told(tmp_path, text):
    path = tmp_path / "sets.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"sets\.yaml"):
        registry.load(path)


def test_a_missing_registry_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        registry.load(tmp_path / "none.yaml")
