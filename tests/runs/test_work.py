import math

import pytest
from PIL import Image

from advkd.files import with_digest, write_json
from advkd.runs.stores import store_of
from advkd.runs.work import Images, Work, images_of, work_of
from advkd.settings import config

AIKD = "aikd/cifar100/preact_resnet18/aikd/seed0"
GIP = "gip/cifar10/resnet18/gip/seed0"
OKD = "okd/codebrim/sagan/okd/seed0"


@pytest.fixture
def user(tmp_path):
    """The paper's scale, with a folder for data in which nothing is."""

    def user(scale="paper", **settings):
        return config.user({"scale": scale, "data_root": str(tmp_path / "data"), **settings})

    return user


def test_a_classifier_sees_the_official_images_in_every_epoch(user):
    one = config.resolve(AIKD, user())
    images = images_of(one, user())
    assert images == Images(100, 50_000, 10_000)
    epochs, batch = one.settings["epochs"], one.settings["batch"]
    assert work_of(one, images) == Work({"real": (epochs * math.ceil(50_000 / batch), batch)}, epochs * 10_000)


def test_gip_has_synthetic_steps_too(user):
    one = config.resolve(GIP, user())
    work = work_of(one, images_of(one, user()))
    assert work.steps["synthetic"] == (200 * 120, 1024) and work.steps["real"] == (200 * 391, 128)


def test_a_gan_has_iterations(user):
    one = config.resolve(OKD, user())
    assert work_of(one, images_of(one, user())) == Work({"real": (50_000, 25)}, 0)


def test_a_scale_takes_some_classes_and_some_images_of_each(user):
    one = config.resolve(AIKD, user("reduced"))
    kept = one.settings
    images = images_of(one, user("reduced"))
    assert images.classes == kept["classes"] < 100
    assert images.train == kept["classes"] * min(kept.get("train_per_class", 500), 500)
    assert images.valid == kept["classes"] * min(kept.get("valid_per_class", 100), 100)


def test_drawn_images_are_as_many_as_are_drawn(user):
    one = config.resolve(AIKD, user("smoke"))
    assert images_of(one, user("smoke")) == Images(8, 96, 48), "as the smoke scale's table 1 counts them"


@pytest.mark.parametrize(("added", "train"), [
    ("", 50), ("+generator=sagan_okd", 250), ("+alone=true+generator=sagan_okd", 200), ("+train_per_class=20", 20),
])  # fmt: skip
def test_crops_are_as_many_as_are_asked_for(user, added, train):
    one = config.resolve(f"aikd/codebrim/preact_resnet18/baseline{added}/seed0", user())
    assert images_of(one, user()) == Images(6, 6 * train, 6 * 200), "five defects and the background"


def test_what_is_prepared_is_counted(user):
    one = config.resolve(AIKD, user())
    meta = {"schema": 2, "classes": ["a", "b"], "images": 10, "held_out": 3}
    write_json(store_of(one, user()) / "meta.json", with_digest(meta))
    assert images_of(one, user()) == Images(2, 10, 3)


def test_the_images_of_a_folder_are_counted(user, tmp_path):
    for name in ("crack", "rust"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (8, 8)).save(tmp_path / "mine" / name / f"{number}.png")
    mine = user(folders={"mine": str(tmp_path / "mine")})
    one = config.resolve("aikd/mine/preact_resnet18/aikd/seed0", mine)
    held_out = round(20 * one.settings["held_out"])
    assert images_of(one, mine) == Images(2, 20 - held_out, held_out)
    gone = user(folders={"mine": str(tmp_path / "gone")})
    assert images_of(config.resolve("aikd/mine/preact_resnet18/aikd/seed0", gone), gone) is None
