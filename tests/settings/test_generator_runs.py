"""Runs whose data set has images of other runs."""

import pytest

from advkd.data.class_crops import class_names
from advkd.data.settings import LabelledCrops
from advkd.errors import UserError
from advkd.settings import catalog, config, tags
from advkd.settings.config_files import paper_file

RUN = "aikd/codebrim/preact_resnet18/baseline{}/seed{}"
SAGAN = "okd/codebrim/sagan/okd+iterations=25000+only_class={}+subset=2+training_set=classifier/seed2"


def resolve(variant="", seed=0, **user):
    return config.resolve(RUN.format(variant, seed), config.user({"scale": "small", **user}))


def test_each_class_has_a_sagan_of_its_own_and_all_share_an_acgan():
    of_sagan = resolve("+generator=sagan_okd+subset=2", seed=4)
    assert {role: str(gan.run) for role, gan in of_sagan.generators.items()} == {
        f"class {number}": SAGAN.format(number) for number in (1, 2, 3)
    }
    (acgan,) = resolve("+generator=acgan_single+subset=2").generators.values()
    assert str(acgan.run) == "okd/codebrim/acgan/single+subset=2+training_set=classifier/seed2"
    assert len(resolve("+generator=sagan_okd+subset=2", scale="paper").generators) == 6


@pytest.mark.parametrize("labels", ["defects", "crack"])
def test_the_number_of_classes_is_that_of_the_reader(labels):
    crops = LabelledCrops(labels=labels, cut="box", subset=0, test_photos=0.5, data_seed=0)
    assert crops.count == len(class_names(labels))


@pytest.mark.parametrize("scale", ["smoke", "small", "reduced", "gpu", "paper"])
@pytest.mark.parametrize("generator", paper_file("okd").generators)
def test_generators_see_the_training_part_of_their_classifier_and_nothing_else(scale, generator):
    real = resolve("+subset=1", scale=scale)
    classifier = resolve(f"+generator={generator}+subset=1", scale=scale)
    assert classifier.base_store == real.store and classifier.store.startswith(f"{real.store}-")
    for gan in classifier.generators.values():
        assert gan.base_store == real.store and gan.store != classifier.store


def test_the_store_and_the_hash_follow_from_the_generators():
    first, other_seed = resolve("+generator=sagan_okd+subset=1"), resolve("+generator=sagan_okd+subset=1", seed=1)
    assert first.store == other_seed.store and first.hash != other_seed.hash and first.generation == 0
    changed = resolve("+generator=sagan_okd+subset=1", override={"okd": {"rho": 0.5}})
    assert changed.base_store == first.base_store and changed.store != first.store and changed.hash != first.hash
    stores = {resolve(f"{variant}+generator=sagan_okd+subset=1").store for variant in ("", "+alone=true")}
    stores |= {resolve(f"+generator=sagan_{kind}+subset=1").store for kind in ("single", "longer", "independent")}
    stores.add(resolve("+generator=sagan_okd+subset=1+synthetic=50").store)
    assert len(stores) == 6
    assert resolve("+crop=whole+generator=sagan_okd+subset=1").store == first.store


def test_documents_name_the_generators_and_those_without_stay_as_they_were():
    document = resolve("+generator=acgan_okd+subset=1").document()
    (gan,) = resolve("+generator=acgan_okd+subset=1").generators.values()
    assert document["generators"] == {"all classes": {"run": str(gan.run), "config_hash": gan.hash}}
    assert "generators" not in resolve().document()


def test_what_a_generator_needs_is_trained_first_and_a_superior_sees_the_same_images():
    user = config.user({"scale": "small", "runs": ["aikd/codebrim/preact_resnet18/aikd+generator=acgan_okd/seed0"]})
    runs = catalog.with_parents(catalog.users_runs(user))
    names = list(runs)
    assert names == [
        "okd/codebrim/acgan/okd+training_set=classifier/seed0",
        "aikd/codebrim/preact_resnet18/baseline+generator=acgan_okd/seed0",
        "aikd/codebrim/preact_resnet18/aikd+generator=acgan_okd/seed0",
    ]
    assert runs[names[1]].store == runs[names[2]].store
    stores = catalog.stores(runs.values())
    assert list(stores) == [runs[names[0]].store, runs[names[1]].store]
    assert stores[runs[names[0]].store].derived == {}
    assert set(names) <= set(catalog.all_runs(user)) and names[0] in catalog.parents(user)
    assert {runs[name].run.group for name in names} <= tags.tags(user).keys()


def test_a_base_is_the_run_on_images_alone():
    resolved = resolve("+generator=sagan_okd+subset=1")
    base = resolved.base()
    assert base.store == resolved.base_store and not base.derived and "generator" not in base.settings
    assert base.base() is base and next(iter(resolved.generators.values())).base().store == base.store


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("+generator=stylegan", r"generator is 'stylegan'; config/okd.yaml names sagan_single, .*acgan_okd"),
        ("+synthetic=50", "synthetic only applies with a generator"),
        ("+generator=acgan_okd+stored_size=32", "stored_size is 32: the networks draw 64 pixels"),
    ],
)
def test_wrong_names_are_told(variant, message):
    with pytest.raises(UserError, match=message):
        resolve(variant)


def test_settings_that_give_the_generator_other_images_are_refused():
    message = r"train_per_class is 20, but 50 for the generator okd/.*set it for both papers"
    with pytest.raises(UserError, match=message):
        resolve("+generator=acgan_okd", override={"aikd": {"train_per_class": 20}})
    both = {"aikd": {"train_per_class": 20}, "okd": {"train_per_class": 20}}
    assert resolve("+generator=acgan_okd", override=both).settings["train_per_class"] == 20


def test_a_folder_of_images_has_generators_too():
    user = config.user({"scale": "small", "folders": {"mine": "/x"}})
    name = "aikd/mine/preact_resnet18/baseline+generator={}/seed0"
    (gan,) = config.resolve(name.format("acgan_okd"), user).generators.values()
    assert str(gan.run) == "okd/mine/acgan/okd+training_set=classifier/seed0" and gan.settings["data"] == "folder"
    with pytest.raises(UserError, match=r"sagan draws no images of a class.*say how many\s+classes.*of acgan"):
        config.resolve(name.format("sagan_okd"), user)
    of_two = config.resolve("aikd/mine/preact_resnet18/baseline+classes=2+generator=sagan_okd/seed0", user)
    assert [gan.settings["only_class"] for gan in of_two.generators.values()] == [1, 2]


def test_a_gan_s_own_settings_apply_only_with_its_own_crops():
    def wrong(name, message):
        with pytest.raises(UserError, match=message):
            config.resolve(f"okd/codebrim/sagan/single{name}/seed0", config.user({"scale": "small"}))

    wrong("+crops=500+training_set=classifier", "crops only applies with a training_set other than classifier")
    wrong("+subset=1", "subset only applies with training_set classifier")
    wrong("+only_class=1", "only_class only applies with training_set classifier")
    wrong("+only_class=4+training_set=classifier", "only_class is 4, but there are 3 classes, counted from 1")


OWN = {"folders": {"mine": "/my/photos"}}


def test_images_of_a_folder_need_no_run_and_no_number():
    run = "aikd/mine/preact_resnet18/baseline{}/seed0"
    user = config.user({"scale": "small", **OWN})
    real, more = config.resolve(run.format(""), user), config.resolve(run.format("+generator=folder"), user)
    assert dict(more.derived) == {"generator": "folder", "alone": False} and not more.generators and not more.needs
    assert more.base_store == real.store and more.store.startswith(f"{real.store}-") and more.hash != real.hash
    alone = config.resolve(run.format("+alone=true+generator=folder"), user)
    assert alone.base_store == real.store and alone.store != more.store
    of_gip = config.resolve("gip/mine/resnet18/kd+generator=folder+image_size=64+stored_size=64+width=16/seed0", user)
    assert of_gip.derived == more.derived and of_gip.parents["teacher"].derived == more.derived


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("aikd/codebrim/preact_resnet18/baseline+generator=folder/seed0", r"but codebrim is no folder of yours"),
        (
            "aikd/mine/resnet18/baseline+generator=folder/seed0",
            r"stored_size is 80, but generators draw 64 pixels",
        ),
        (
            "aikd/mine/preact_resnet18/baseline+generator=folder+synthetic=5/seed0",
            r"synthetic only applies with a generator other than folder",
        ),
    ],
)
def test_images_of_a_folder_are_for_a_folder_and_of_the_networks_size(run, message):
    with pytest.raises(UserError, match=message):
        config.resolve(run, config.user({"scale": "small", **OWN}))
