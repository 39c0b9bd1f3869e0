import pytest

from advkd.data.settings import ClassifierStoreSettings, CropStoreSettings, DrawnImages, DrawnPhotos, FolderSplit
from advkd.errors import UserError
from advkd.settings.validation import validate_group

CROPS = {
    "dataset": "codebrim", "data": "real", "crops": 7, "crop": "resized", "image_size": 64, "held_out": 0.3,
    "held_out_crops": 5, "windows_per_image": 2, "data_seed": 11,
}  # fmt: skip
IMAGES = {"dataset": "cub200", "data": "real", "stored_size": 40}


def validate(group, flat):
    return validate_group(group, flat, "the store's settings")


@pytest.mark.parametrize("flat", [CROPS, {**CROPS, "data": "made", "made_photos": 12}, {**CROPS, "data": "folder"}])
def test_crop_settings_keep_every_flat_setting(flat):
    settings = validate(CropStoreSettings, flat)
    assert settings.flat() == flat and settings == CropStoreSettings.from_flat(flat)
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
    settings = validate(ClassifierStoreSettings, flat)
    assert settings.flat() == flat and settings == ClassifierStoreSettings.from_flat(flat)
    assert settings.folder == (FolderSplit(held_out=0.2, data_seed=7) if flat["data"] == "folder" else None)
    assert settings.drawn == (DrawnImages(made_per_class=6) if flat["data"] == "made" else None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"crops": None}, "crops is None: input should be a valid integer"),
        ({"held_out": "a"}, "held_out is 'a': input should be a valid number"),
        ({"data": "mode"}, "data is 'mode': input should be 'real', 'made' or 'folder'"),
        ({"crop": "all"}, "crop is 'all': input should be 'window' or 'resized'"),
        ({"image_size": 32}, "image_size is 32: input should be 64"),
        ({"data": "made"}, "made_photos is missing"),
        ({"made_photos": 12}, "made_photos only applies with data made"),
        ({"epochs": 3}, "the store's settings: unknown key 'epochs'; allowed: dataset, data, crops"),
    ],
)
def test_wrong_settings_are_refused(changed, message):
    with pytest.raises(UserError, match=message):
        validate(CropStoreSettings, {**CROPS, **changed})


def test_a_missing_setting_is_named():
    with pytest.raises(UserError, match="the store's settings: stored_size is missing"):
        validate(ClassifierStoreSettings, {"dataset": "cub200", "data": "real"})
