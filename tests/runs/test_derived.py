"""Data sets that are made of a prepared one and of runs' samples."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from advkd.cli import main
from advkd.data.classifier_store import prepare_classifier_store
from advkd.data.folder_source import folder_state, remember_content
from advkd.data.preparing_code import LABELLED_CROPS, preparing_code
from advkd.data.store import Store
from advkd.data.store_draft import write_store
from advkd.data.synthetic_folder import Drawn, write_synthetic
from advkd.errors import UserError
from advkd.files import sha256, write_json
from advkd.report import explain
from advkd.report.content.run_facts import provenance_facts
from advkd.runs import stores
from advkd.runs.derived import derive
from advkd.runs.folder import RunFolder
from advkd.runs.lookup import folder_of
from advkd.runs.train import train
from advkd.settings import config

RUN = "aikd/codebrim/preact_resnet18/baseline{}/seed0"


@pytest.fixture
def user(checkout):
    """A tiny configuration in an empty checkout."""
    changes = {"synthetic": 2, "train_per_class": 3, "valid_per_class": 2, "width": 8, "batch": 4, "epochs": 1}
    data = {key: changes[key] for key in ("train_per_class", "valid_per_class")}
    return config.user({"override": {"aikd": changes, "okd": {**data, "batch": 3}}, "device": "cpu"})


def write_base(resolved, user, seed=0):
    """Prepare what a run's data set is made of: noise."""
    base, rng = resolved.base(), np.random.default_rng(seed)
    labels, held_out_labels = np.repeat([0, 1, 2], 3), np.repeat([0, 1, 2], 2)
    arrays = {
        "images": rng.integers(0, 256, (9, 64, 64, 3), dtype=np.uint8), "labels": labels,
        "sizes": np.full((9, 2), 64, np.int32), "held_out": rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8),
        "held_out_labels": held_out_labels, "held_out_sizes": np.full((6, 2), 64, np.int32),
        "held_out_tags": np.eye(3, dtype=bool)[held_out_labels], "held_out_photos": np.arange(6),
    }  # fmt: skip
    rows = [f"training,{i},{i}.jpg,{label},x\n" for i, label in enumerate(labels)]
    rows += [f"held_out,{i},v{i}.jpg,{label},x\n" for i, label in enumerate(held_out_labels)]
    others = ("dataset", "data", "made_photos")
    recorded = {key: value for key, value in base.store_settings.items() if key not in others}
    meta = {
        "name": "codebrim", "classes": ["crack", "other", "background"], "settings": recorded, "images": 9,
        "held_out": 6, "source": {"verified": "drawn on the spot", "content": "0" * 64},
        "code": preparing_code(LABELLED_CROPS, drawn=True),
    }  # fmt: skip
    path = stores.store_of(base, user)
    write_store(path, arrays, "split,index,image,label,class\n" + "".join(rows), meta)
    return Store.open(path)


def finish_gan(gan, data_sha256, generators=1, seed=0, status="done"):
    """Leave the samples and the result of a GAN's run."""
    folder = folder_of(gan)
    folder.path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed + 100)
    arrays = {f"G{i + 1}": rng.integers(0, 256, (12, 64, 64, 3), dtype=np.uint8) for i in range(generators)}
    arrays["early/G1"] = arrays["G1"][:2]
    if gan.settings["model"] == "acgan":
        arrays["labels"] = np.arange(12) % 3
    np.savez(folder.path / "samples.npz", **arrays)
    checksums = {"samples.npz": sha256(folder.path / "samples.npz")} if status == "done" else {}
    result = {"status": status, "step": 5, "config_hash": gan.hash, "run": str(gan.run), "sha256": checksums}
    write_json(folder.path / "result.json", result)
    data = {"store": gan.store, "name": "codebrim", "sha256": data_sha256, "source": {}}
    write_json(folder.path / "provenance.json", {"code": "c0ffee", "data": data, "result": result})
    return arrays


def make(resolved, user):
    """Make a run's data set in its place, and open it."""
    out = stores.store_of(resolved, user)
    derive(resolved, user, out)
    return Store.open(out)


def test_samples_of_an_acgan_are_labelled_by_themselves(user):
    resolved = config.resolve(RUN.format("+generator=acgan_okd"), user)
    base = write_base(resolved, user)
    (gan,) = resolved.generators.values()
    arrays = finish_gan(gan, base.meta["sha256"], generators=3)
    store = make(resolved, user)
    assert store.labels.tolist() == [*base.labels, 0, 0, 1, 1, 2, 2]
    expected = [arrays["G1"][0], arrays["G2"][3], arrays["G1"][1], arrays["G2"][4], arrays["G1"][2], arrays["G2"][5]]
    np.testing.assert_array_equal(store.images[9:], np.stack(expected))


def test_samples_of_sagans_are_of_the_class_that_each_was_trained_on(user):
    resolved = config.resolve(RUN.format("+alone=true+generator=sagan_single"), user)
    base = write_base(resolved, user)
    expected = []
    for number, gan in enumerate(resolved.generators.values()):
        own = make(gan, user)
        np.testing.assert_array_equal(own.images, base.images[3 * number : 3 * number + 3])
        expected += list(finish_gan(gan, own.meta["sha256"], seed=number)["G1"][:2])
    store = make(resolved, user)
    np.testing.assert_array_equal(store.images, np.stack(expected))
    assert store.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert not stores.outdated(resolved, user) and not stores.made_by_older_code(resolved, user)


@pytest.fixture
def joined(user):
    """A classifier's run whose data set was made."""
    resolved = config.resolve(RUN.format("+generator=acgan_okd"), user)
    base = write_base(resolved, user)
    finish_gan(next(iter(resolved.generators.values())), base.meta["sha256"])
    make(resolved, user)
    return resolved


def test_a_generator_of_other_images_is_refused(joined, user):
    write_base(joined, user, seed=1)
    with pytest.raises(
        UserError, match=r"okd/.*/seed0 was trained on other images than codebrim-\w+ holds: advkd train"
    ):
        derive(joined, user, stores.store_of(joined, user))


def test_a_data_set_is_outdated_when_what_it_was_made_of_changed(joined, user):
    assert stores.outdated(joined, user) == ""
    (gan,) = joined.generators.values()
    data = folder_of(gan).provenance()["data"]["sha256"]
    finish_gan(gan, data, seed=7)
    assert "it has other images than okd/codebrim/acgan/okd" in stores.outdated(joined, user)
    finish_gan(gan, data)
    assert stores.outdated(joined, user) == ""
    write_base(joined, user, seed=1)
    assert "it was made of other images than codebrim-" in stores.outdated(joined, user)


def test_damaged_and_missing_samples_are_named(joined, user):
    (gan,) = joined.generators.values()
    with folder_of(gan).file("samples.npz").open("r+b") as file:
        file.seek(200)
        file.write(b"xxxx")
    with pytest.raises(UserError, match=r"samples.npz is not what the run wrote"):
        derive(joined, user, stores.store_of(joined, user))
    folder_of(gan).file("result.json").unlink()
    with pytest.raises(
        UserError, match=r"acgan/okd\+training_set=classifier/seed0 at scale smoke is not started: advkd train"
    ):
        derive(joined, user, stores.store_of(joined, user))


def test_a_run_on_a_data_set_as_prepared_has_nothing_to_make(user):
    with pytest.raises(UserError, match=r"is trained on codebrim-\w+ as it was prepared: nothing is made of it"):
        derive(config.resolve(RUN.format(""), user), user, stores.store_of(config.resolve(RUN.format(""), user), user))


def train_here(resolved, user):
    return train(resolved.document(), folder_of(resolved).path, stores.store_of(resolved, user).parents[1], "cpu", 1000)


def test_a_classifier_is_trained_on_real_and_generated_images_and_says_so(joined, user):
    assert train_here(joined, user) == 0
    folder = folder_of(joined)
    assert folder.result()["status"] == "done"
    (gan,) = joined.generators
    data = folder.provenance()["data"]
    assert data["images"] == 15 and data["generated"]["images"] == 6
    assert list(data["generated"]["runs"]) == [str(joined.generators[gan].run)]
    assert "15 images (6 of them generated)" in folder.file("log.txt").read_text()
    labels, tags = (np.load(folder.file("predictions.npz"))[name] for name in ("labels", "tags"))
    assert len(labels) == 6 and tags.shape == (6, 3)
    config_text = folder.file("config.yaml").read_text()
    assert json.dumps(str(joined.generators[gan].run))[1:-1] in config_text


def test_a_diverged_generator_blocks_its_classifier(joined, user):
    (gan,) = joined.generators.values()
    finish_gan(gan, folder_of(gan).provenance()["data"]["sha256"], status="diverged")
    make(joined, user)
    assert train_here(joined, user) == 0
    result = RunFolder(folder_of(joined).path).result()
    assert (result["status"], result["parent"]) == ("blocked", str(gan.run)) and result[
        "reason"
    ] == "diverged at step 5"


OWN = "aikd/mine/preact_resnet18/baseline{}/seed0"


@pytest.fixture
def own(checkout, tmp_path):
    """A user with a folder of photos of their own, the folder, and the prepared store of its photos."""
    photos, rng = tmp_path / "photos", np.random.default_rng(0)
    for name in ("crack", "rust"):
        (photos / name).mkdir(parents=True)
        for number in range(5):
            pixels = rng.integers(0, 256, (70, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(photos / name / f"{number}.png")
    changes = {"width": 8, "batch": 4, "epochs": 1}
    user = config.user({"override": {"aikd": changes}, "folders": {"mine": str(photos)}, "device": "cpu"})
    real = config.resolve(OWN.format(""), user)
    state = folder_state(photos)
    meta = prepare_classifier_store(photos, None, real.typed.data, stores.store_of(real, user))
    remember_content(stores.store_of(real, user), state, meta["source"]["content"])
    return user, photos, Store.open(stores.store_of(real, user))


def draw_into(photos, data, classes=("crack", "rust"), count=3, side=64):
    """Draw noise into a folder of photos, by a generator that was trained on `data`."""
    rng = np.random.default_rng(1)
    trained_on = {"store": "s", "name": "other", "sha256": {}, "base": None, "content": "0", **data}
    pixels = rng.integers(0, 256, (count * len(classes), side, side, 3), dtype=np.uint8)
    images = [Drawn(image, classes[place // count], "okd/x", "G1", 0) for place, image in enumerate(pixels)]
    write_synthetic(photos, images, {"okd/x": {"weights": "f" * 64, "data": trained_on}})
    return pixels


@pytest.mark.parametrize("of_class", [False, True])
def test_images_of_a_folder_join_the_training_part_only(own, of_class):
    user, photos, base = own
    seen = {"base": {"store": "mine", "sha256": base.meta["sha256"]}} if of_class else {"sha256": base.meta["sha256"]}
    drawn = draw_into(photos, seen)
    resolved = config.resolve(OWN.format("+generator=folder"), user)
    store = make(resolved, user)
    np.testing.assert_array_equal(store.images, [*base.images, *drawn])
    np.testing.assert_array_equal(store.held_out, base.held_out)
    assert store.labels.tolist() == [*base.labels, 0, 0, 0, 1, 1, 1]
    assert store.meta["generated"]["runs"] == {"okd/x": "f" * 64} and stores.outdated(resolved, user) == ""
    assert train_here(resolved, user) == 0
    data = folder_of(resolved).provenance()["data"]
    assert data["generated"] == store.meta["generated"] and data["base"]["sha256"] == base.meta["sha256"]
    facts = dict(provenance_facts(folder_of(resolved).provenance()))
    assert facts["generated"].startswith("6 of the training images") and facts["images of"] == f"okd/x, {'f' * 64}"
    assert explain.folder_lines([resolved]) == [f"  images of   okd/x, weights {'f' * 64}"]
    alone = make(config.resolve(OWN.format("+alone=true+generator=folder"), user), user)
    np.testing.assert_array_equal(alone.images, drawn)


def test_a_generator_that_saw_what_is_evaluated_on_is_refused(own):
    user, photos, base = own
    draw_into(photos, {"content": base.meta["source"]["content"]})
    with pytest.raises(UserError, match=r"okd/x was trained on the same photos, but not on the training part of mine-"):
        make(config.resolve(OWN.format("+generator=folder"), user), user)


def test_what_is_not_known_of_a_folders_images_is_said(own, capsys):
    user, photos, _ = own
    draw_into(photos, {}, classes=("rust",))
    make(config.resolve(OWN.format("+generator=folder"), user), user)
    said = "".join(capsys.readouterr())
    assert "okd/x was trained on other images (other): nothing tells" in said
    assert "has no generated images of 'crack': a network may learn to tell generated images from photos" in said


def test_a_data_set_with_a_folders_images_follows_the_folder(own, capsys):
    user, photos, base = own
    resolved = config.resolve(OWN.format("+generator=folder"), user)
    with pytest.raises(UserError, match=r"photos has no generated images: advkd synthesize RUN --count N --into"):
        make(resolved, user)
    draw_into(photos, {"sha256": base.meta["sha256"]})
    make(resolved, user)
    assert stores.outdated(resolved, user) == ""
    shutil.rmtree(photos / "synthetic")
    assert "no generated images any more" in stores.outdated(resolved, user)
    draw_into(photos, {"sha256": base.meta["sha256"]}, count=4)
    assert "it has other generated images than its folder holds" in stores.outdated(resolved, user)
    words = ["--config", f"folders={{mine: {photos}}}", "override={aikd: {width: 8, batch: 4, epochs: 1}}"]
    assert main(["train", str(resolved.run), *words]) == 2
    assert "it has other generated images than its folder holds" in capsys.readouterr().err
    assert len(make(resolved, user).images) == len(base.images) + 8


def test_images_of_another_size_are_refused(own):
    user, photos, base = own
    draw_into(photos, {"sha256": base.meta["sha256"]}, side=32)
    with pytest.raises(UserError, match=r"okd/x draws images of \(32, 32, 3\), not \(64, 64, 3\)"):
        make(config.resolve(OWN.format("+generator=folder"), user), user)
