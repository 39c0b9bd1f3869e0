import pytest

from advkd.data.settings import (
    CLASSIFIER_STORE_KEYS,
    CROP_STORE_KEYS,
    DrawnImages,
    DrawnPhotos,
    FolderSplit,
    classifier_store_settings,
    crop_store_settings,
)
from advkd.errors import UserError
from advkd.settings.classifier import ClassifierSettings
from advkd.settings.gan import GanSettings

CROPS = {
    "dataset": "codebrim", "data": "real", "crops": 7, "crop": "resized", "image_size": 64, "held_out": 0.3,
    "held_out_crops": 5, "windows_per_image": 2, "data_seed": 11,
}  # fmt: skip
IMAGES = {"dataset": "cub200", "data": "real", "stored_size": 40}


def leaves(settings):
    """Return the fields of nested dataclasses by name, without those that are None."""
    flat = {}
    for name, value in vars(settings).items():
        if hasattr(value, "__dataclass_fields__"):
            flat.update(leaves(value))
        elif value is not None:
            flat[name] = value
    return flat


def test_the_keys_are_those_of_a_store_name():
    assert GanSettings.store_keys == CROP_STORE_KEYS
    assert ClassifierSettings.store_keys == CLASSIFIER_STORE_KEYS


@pytest.mark.parametrize("flat", [CROPS, {**CROPS, "data": "made", "made_photos": 12}, {**CROPS, "data": "folder"}])
def test_crop_settings_keep_every_flat_setting(flat):
    settings = crop_store_settings(flat)
    assert leaves(settings) == flat
    assert settings.drawn == (DrawnPhotos(made_photos=12) if flat["data"] == "made" else None)


@pytest.mark.parametrize(
    "flat",
    [
        IMAGES,
        {**IMAGES, "classes": 3, "train_per_class": 4, "valid_per_class": 5},
        {**IMAGES, "data": "made", "made_per_class": 6},
        {**IMAGES, "data": "folder", "held_out": 0.2, "data_seed": 7},
    ],
)
def test_classifier_settings_keep_every_flat_setting(flat):
    settings = classifier_store_settings(flat)
    assert leaves(settings) == flat
    assert settings.folder == (FolderSplit(held_out=0.2, data_seed=7) if flat["data"] == "folder" else None)
    assert settings.drawn == (DrawnImages(made_per_class=6) if flat["data"] == "made" else None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"crops": None}, "crops of the store is None, but must be of type int"),
        ({"crops": True}, "crops of the store is True, but must be of type int"),
        ({"held_out": "a"}, "held_out of the store is 'a', but must be of type float"),
        ({"data": "mode"}, "data of the store is 'mode', but must be real or made or folder"),
        ({"crop": "all"}, "crop of the store is 'all', but must be window or resized"),
        ({"image_size": 32}, "image_size of the store is 32, but must be 64"),
        ({"data": "made"}, "the settings of the store lack made_photos"),
        ({"epochs": 3}, "'epochs' is not a setting of this kind of store; its settings are dataset, data, crops"),
    ],
)
def test_wrong_settings_are_refused(changed, message):
    with pytest.raises(UserError, match=message):
        crop_store_settings({**CROPS, **changed})


def test_a_missing_setting_is_named():
    with pytest.raises(UserError, match="the settings of the store lack stored_size"):
        classifier_store_settings({"dataset": "cub200", "data": "real"})
