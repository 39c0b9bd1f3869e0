"""The AI-KD paper's runs: what the configuration says against what the paper and its public relatives state."""

import itertools

import pytest

from advkd.artifacts.changed_settings import changed_settings
from advkd.errors import UserError
from advkd.settings import catalog, config

RUN = "aikd/{}/{}/{}/seed0"
METHODS = {"baseline", "cskd", "tfkd", "pskd", "aikd"}


def settings(method, dataset="cifar100", model="preact_resnet18", scale="paper", **values):
    return config.resolve(RUN.format(dataset, model, method), config.user({"scale": scale, **values})).settings


def test_paper_scale_is_what_the_paper_states():
    stated = {"epochs": 300, "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4, "lr_factor": 0.1}
    stated |= {"alpha_g": 0.1, "alpha_p": 0.3, "omega": 0.1, "tau_g": 3, "tau_p": 1, "fc1": 64, "fc2": 32}
    stated |= {"critic_lr": 1e-4, "gp_weight": 10, "width": 64, "precision": "float32"}
    for dataset, model, batch, size in (
        ("cifar100", "preact_resnet18", 128, 32), ("tiny_imagenet", "densenet121_cifar", 128, 32),
        ("cub200", "resnet18", 32, 224), ("mit67", "densenet121", 32, 224),
    ):  # fmt: skip
        resolved = settings("aikd", dataset, model)
        assert stated.items() <= resolved.items()
        assert (resolved["batch"], resolved["image_size"]) == (batch, size)
        assert [round(milestone * 300) for milestone in resolved["milestones"]] == [150, 225]
        assert not {"classes", "train_per_class", "valid_per_class"} & resolved.keys(), "whole data sets"


def test_methods_compared_with_are_set_as_their_code_sets_them():
    assert settings("cskd")["cs_weight"] == settings("cskd", "tiny_imagenet")["cs_weight"] == 1
    assert settings("cskd", "cub200", "resnet18")["cs_weight"] == 3
    tfkd = [(s["tf_alpha"], s["tf_tau"], s["tf_multiplier"]) for s in (settings("tfkd"),
            settings("tfkd", model="densenet121_cifar"), settings("tfkd", "cub200", "densenet121"))]  # fmt: skip
    assert tfkd == [(0.95, 6, 50), (0.9, 20, 50), (0.9, 20, 50)]
    assert settings("pskd")["ps_alpha"] == 0.8


SMALL_IMAGES, LARGE_IMAGES = ("cifar100", "tiny_imagenet"), ("stanford_dogs", "mit67", "cub200", "fgvc_aircraft")
# Table 2: two networks on each of six data sets.
PLACES = {
    *itertools.product(SMALL_IMAGES, ("preact_resnet18", "densenet121_cifar")),
    *itertools.product(LARGE_IMAGES, ("resnet18", "densenet121")),
}
# What the other tables and figures vary, beside section 4.2's values, on PreAct ResNet-18 and CIFAR-100.
VARIED = [
    # Figure 7: the temperatures from 1 to 7, and the critic's layers.
    *(f"tau_g={tau}" for tau in (1, 2, 4, 5, 6, 7)),
    *(f"tau_p={tau}" for tau in (2, 3, 4, 5, 6, 7)),
    *(f"fc1={first}" for first in (16, 32, 128)),
    *(f"fc2={second}" for second in (8, 16, 64)),
    *(f"fc1={first}+fc2={second}" for first, second in itertools.product((16, 32, 128), (8, 16, 64))),
    # Table 4: one term, the other, both.
    "alpha_p=0+omega=0", "alpha_g=0+omega=0", "omega=0",
    # Table 5
    *(f"omega={omega}" for omega in ("0.01", "0.05", "0.25", "0.5", "0.75", "1")),
    # Table 6
    "alpha_p=0.1", "alpha_p=0.2", "alpha_g=0.2+alpha_p=0.1", "alpha_g=0.2+alpha_p=0.2", "alpha_g=0.3+alpha_p=0.1",
    # Table 7
    "augment=cutout", "augment=mixup", "augment=cutmix",
]  # fmt: skip
SEEDS = 3  # the paper averages three runs


def test_the_runs_of_the_paper_are_its_grid_and_its_superiors_are_rows():
    groups = {f"aikd/{dataset}/{model}/{method}" for (dataset, model), method in itertools.product(PLACES, METHODS)}
    groups |= {f"aikd/cifar100/preact_resnet18/aikd+{variant}" for variant in VARIED}
    user = config.user({"scale": "paper"})
    runs = {}
    for artifact in catalog.artifacts():
        if artifact.startswith("aikd"):  # a table of the GAN paper trains classifiers too
            runs |= catalog.runs(artifact, user)
    named = {name for name, resolved in runs.items() if resolved.run.paper == "aikd" and resolved.run.method in METHODS}
    assert named == {f"{group}/seed{seed}" for group, seed in itertools.product(groups, range(SEEDS))}
    superiors = {name for name, resolved in catalog.parents(user).items() if resolved.run.paper == "aikd"}
    assert superiors == {f"aikd/{dataset}/{model}/baseline/seed{seed}"
                         for (dataset, model), seed in itertools.product(PLACES, range(SEEDS))}  # fmt: skip


@pytest.mark.parametrize("scale", ["smoke", "reduced", "gpu", "paper"])
def test_a_superior_has_its_student_s_data_and_network(scale):
    user = config.user({"scale": scale})
    for student in catalog.all_runs(user).values():
        if superior := student.parents.get("superior"):
            assert superior.store == student.store and superior.run.seed == student.run.seed
            for key in ("model", "width", "image_size", "classes", "epochs", "batch"):
                assert superior.settings.get(key) == student.settings.get(key)


def test_what_a_run_has_no_use_for_is_dropped():
    plain, mixed = settings("baseline"), settings("baseline+augment=mixup")
    assert not {"mixup_alpha", "cutout_size", "held_out", "superior", "omega", "made_per_class"} & plain.keys()
    assert mixed["mixup_alpha"] == 1 and "cutmix_alpha" not in mixed
    assert "made_per_class" in settings("baseline", scale="smoke")
    folder = settings("baseline", "mine", "resnet18", folders={"mine": "/x"})
    assert (folder["data"], folder["held_out"], folder["crop"]) == ("folder", 0.2, "resized")
    switched = settings("tfkd", override={"aikd": {"tf_reduction": "batchmean"}})
    assert "tf_multiplier" not in switched and switched["tf_tau"] == 6
    for reduction in ("batchmean", "elementwise"):
        for scale in ("paper", "reduced"):
            baseline = settings("baseline", scale=scale, override={"aikd": {"tf_reduction": reduction}})
            assert not {"tf_reduction", "tf_multiplier"} & baseline.keys()


def test_a_student_that_uses_no_superior_waits_for_none():
    user = config.user({"scale": "paper"})
    for variant, parents in (("alpha_g=0+omega=0", 0), ("alpha_g=0", 1), ("omega=0", 1),
                             ("alpha_g=0+first_previous=superior+omega=0", 1)):  # fmt: skip
        student = config.resolve(RUN.format("cifar100", "preact_resnet18", f"aikd+{variant}"), user)
        assert len(student.parents) == parents


def test_aircraft_without_the_banner_is_another_store_and_other_sets_have_none():
    user = config.user({"scale": "paper", "override": {"aikd": {"banner": "cut"}}})
    plain = config.user({"scale": "paper"})
    run = "aikd/fgvc_aircraft/resnet18/aikd/seed0"
    ours, kept = config.resolve(run, user), config.resolve(run, plain)
    assert ours.store != kept.store and ours.parents["superior"].store == ours.store
    assert "banner" not in kept.settings and kept.store == "fgvc_aircraft-fa1fb346"  # as before there was a choice
    assert changed_settings([ours], user) == {"banner": ("cut", "kept")}
    other = "aikd/cub200/resnet18/aikd/seed0"
    assert config.resolve(other, user).hash == config.resolve(other, plain).hash
    with pytest.raises(UserError, match="banner only applies with dataset fgvc_aircraft"):
        config.resolve("aikd/cub200/resnet18/aikd+banner=cut/seed0", plain)


def test_a_part_of_a_data_set_has_a_store_of_its_own():
    user = config.user({"scale": "paper"})
    whole, part = (config.resolve(RUN.format("cifar100", "preact_resnet18", m), user)
                   for m in ("baseline", "baseline+classes=20"))  # fmt: skip
    assert whole.store != part.store
    student = config.resolve(RUN.format("cifar100", "preact_resnet18", "tfkd+classes=20"), user)
    assert student.parents["superior"].run == part.run


BAD = {
    "aikd+alpha_g=0.8": r"alpha_g \+ alpha_p is 1.1: Eq. 8 leaves cross-entropy",
    "baseline+omega=0.5": "omega only applies with method aikd",
    "aikd+critic_lr=0.001+omega=0": "critic_lr only applies with omega > 0",
    "aikd+alpha_p=0+tau_p=4": "tau_p only applies with alpha_p > 0",
    "aikd+critic_norm=layer+gp_mode=eval": "gp_mode only applies with critic_norm batch",
    "aikd+critic_output=layer+gp_scalar=sum": "gp_scalar only applies with critic_output mean",
    "baseline+momentum=0": "momentum is 0: Nesterov",
    "cskd+mixup_alpha=2": "mixup_alpha only applies with augment mixup",
    "aikd+image_size=64": "crop `pad` sees what is stored",
    "aikd+augment=cutout+cutout_size=64": "larger than the image",
    "aikd+critic_input=images": "critic_input is 'images'",
    "aikd+first_previous=initial+previous_source=table": r"a table \(previous_source\) has no initial student's logits",
    "aikd+superior=aikd": "superior is 'aikd'",
    "aikd+classes=1": "classes is 1",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_runs_are_one_line(name):
    with pytest.raises(UserError, match=BAD[name]) as caught:
        settings(name)
    assert "\n" not in str(caught.value)
