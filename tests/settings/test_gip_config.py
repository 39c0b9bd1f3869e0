"""The GIP paper's runs: what the configuration says against what the paper and the codes it builds on state."""

import itertools
import shutil

import pytest
import torch
import yaml

from advkd.errors import UserError
from advkd.models import classifiers
from advkd.settings import catalog, config
from advkd.training import recipe

SCALES = ["smoke", "reduced", "gpu", "paper"]
LOSSES = {"alpha": "One-Hot Loss", "beta": "Information Entropy Loss", "gamma": "Activation Loss", "delta": "BNS Loss"}
SYNTHETIC = {"synthetic_steps": 120, "synthetic_batch": 1024, "noise": 1000, "generator_width": 128}
WEIGHTS = {"alpha": 1, "beta": 5, "gamma": 0.1, "delta": 5}
METHODS = {"baseline", "kd", "gip", "dafl", "gantsc", "acgan"}
FORMS = {"ie_form": "code", "act_form": "code", "bns_reduction": "mean", "bns_moment": "variance"}


def resolve(name, dataset="cifar100", seed=0, **values):
    """The run of MODEL/METHOD, at scale paper unless `values` name another."""
    return config.resolve(f"gip/{dataset}/{name}/seed{seed}", config.user({"scale": "paper", **values}))


def settings(name, dataset="cifar100", **values):
    return dict(resolve(name, dataset, **values).settings)


def rates(name, **values):
    """The learning rate of every epoch."""
    typed = resolve(name, **values).typed
    epochs, lr = typed.recipe.epochs, typed.recipe.lr
    return [lr * recipe.factor(typed.schedule, epochs, epoch) for epoch in range(epochs)]


def gip_runs(user):
    """Return all runs of the paper's own methods."""
    return {name: resolved for name, resolved in catalog.all_runs(user).items() if is_of_the_paper(resolved)}


def is_of_the_paper(resolved):
    return resolved.run.paper == "gip" and resolved.run.method in METHODS


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_resnet_18_as_section_4_1_states(dataset):
    stated = {"epochs": 200, "batch": 128, "optimizer": "sgd", "momentum": 0.9, "nesterov": True, "lr": 0.1}
    stated |= {"weight_decay": 5e-4, "image_size": 32, "crop": "pad", "augment": "none", "width": 64, "stem": "cifar"}
    stated |= {"precision": "float32", "lighting": 0.1}
    for name in ("resnet18/baseline", "resnet18/kd", "resnet18/gip", "resnet34/baseline"):
        assert stated.items() <= settings(name, dataset).items(), name
        assert rates(name) == pytest.approx([0.1] * 80 + [0.01] * 40 + [0.001] * 80)
    generator = SYNTHETIC | WEIGHTS | {"generator_lr": 1e-2, "tau": 1, "teacher": "resnet34"}
    assert (generator | FORMS).items() <= settings("resnet18/gip", dataset).items()
    assert settings("resnet18/kd", dataset)["ce_weight"] == 0, "training only by knowledge distillation"
    assert not {"classes", "train_per_class", "valid_per_class"} & settings("resnet18/gip", dataset).keys()


@pytest.mark.parametrize("method", ["baseline", "kd", "gip"])
def test_reactnet_18_s_two_steps_as_section_4_1_states(method):
    stated = {"epochs": 256, "batch": 128, "optimizer": "adam", "lr": 5e-4, "schedule": "linear", "width": 64}
    first, second = (settings(f"reactnet18/{method}{step}") for step in ("+binary=activations", ""))
    for step in (first, second):
        assert stated.items() <= step.items() and step["weight_decay_on"] == "maps"
        assert not {"momentum", "nesterov", "milestones", "lr_factor"} & step.keys()
    assert (first["binary"], first["weight_decay"]) == ("activations", 1e-5)
    assert (second["binary"], second["weight_decay"]) == ("all", 0)
    assert second["shortcut"] == "real" and not {"shortcut", "first_step"} & first.keys()
    rate = rates(f"reactnet18/{method}")
    assert rate[0] == 5e-4 and rate[128] == pytest.approx(2.5e-4) and 0 < rate[-1] < 2e-6
    assert settings("reactnet18/gip").items() >= (SYNTHETIC | WEIGHTS | {"generator_lr": 1e-2}).items()


def test_wrn_28_10_as_its_authors_train_it():
    teacher = settings("wrn28_10/baseline", "cifar10")
    assert {"width": 160, "epochs": 200, "weight_decay": 5e-4, "momentum": 0.9}.items() <= teacher.items()
    assert {"batch": 128, "initialisation": "he"}.items() <= teacher.items()
    assert rates("wrn28_10/baseline") == pytest.approx([0.1] * 60 + [0.02] * 60 + [0.004] * 40 + [0.0008] * 40)


def test_methods_compared_with_are_set_as_their_code_sets_them():
    for dataset, weights in (("cifar10", (1, 5, 0.1, 0)), ("cifar100", (0.5, 20, 0.1, 0))):
        dafl = settings("resnet18/dafl", dataset)
        assert tuple(dafl[name] for name in LOSSES) == weights
        assert (SYNTHETIC | {"epochs": 2000, "generator_lr": 0.02, "nesterov": False}).items() <= dafl.items()
        assert not {"batch", "lighting", "bns_moment", "bns_reduction"} & dafl.keys(), "no real images, no L_BNS"
    falls = [epoch for epoch, (a, b) in enumerate(itertools.pairwise(rates("resnet18/dafl")), 1) if b < a]
    assert falls == [800, 1600]
    gantsc = settings("resnet18/gantsc", "cifar10")
    stated = {"fake_share": 0.8, "batch": 256, "epochs": 200, "optimizer": "adam", "lr": 1e-4, "schedule": "constant"}
    assert stated.items() <= gantsc.items() and gantsc["weight_decay"] == 0
    acgan = settings("acgan/acgan", "cifar10")
    assert (acgan["width"], acgan["noise"]) == (48, 100) and "synthetic_steps" not in acgan


def test_what_a_run_has_no_use_for_is_dropped():
    generator = {*SYNTHETIC, *WEIGHTS, *FORMS, "tau", "generator_lr", "generator_beta1", "teacher", "frozen_precision"}
    assert not generator & settings("resnet18/baseline").keys()
    assert not (generator - {"tau", "teacher", "frozen_precision"}) & settings("resnet18/kd").keys()
    assert not {"bns_moment", "bns_reduction"} & settings("resnet18/gip+delta=0").keys()
    assert not {"binary", "shortcut", "first_step", "beta1"} & settings("resnet18/gip").keys()
    none = settings("resnet18/gip+synthetic_steps=0")
    assert none["synthetic_steps"] == 0 and not (generator - {"synthetic_steps"}) & none.keys()
    baseline = settings("resnet18/baseline")
    assert {**none, "method": "baseline"} == {**baseline, "synthetic_steps": 0}


def parents(name, dataset="cifar100", seed=2, **values):
    resolved = resolve(name, dataset, seed, **values)
    return {role: str(parent.run) for role, parent in resolved.parents.items()}


def test_parents_of_every_kind_of_run():
    teacher = "gip/cifar100/resnet34/baseline/seed2"
    for name in ("resnet34/baseline", "resnet18/baseline", "resnet18/gip+synthetic_steps=0", "acgan/acgan",
                 "reactnet18/baseline+binary=activations"):  # fmt: skip
        assert parents(name) == {}, name
    for name in ("resnet18/kd", "resnet18/gip", "resnet18/dafl", "resnet18/gip+batch=256+delta=0",
                 "reactnet18/gip+binary=activations"):  # fmt: skip
        assert parents(name) == {"teacher": teacher}, name
    wrn = "gip/cifar10/wrn28_10/baseline/seed2"
    assert parents("resnet18/gip+teacher=wrn28_10", "cifar10") == {"teacher": wrn}
    gantsc = parents("resnet18/gantsc+teacher=wrn28_10", "cifar10")
    assert gantsc == {"teacher": wrn, "gan": "gip/cifar10/acgan/acgan/seed2"}


def test_parents_of_reactnet_s_second_step():
    teacher = "gip/cifar100/resnet34/baseline/seed2"
    start = "gip/cifar100/reactnet18/{}/seed2"
    assert parents("reactnet18/baseline") == {"start": start.format("baseline+binary=activations")}
    for name, first in {
        "kd": "kd+binary=activations",
        "gip": "gip+binary=activations",
        "gip+epochs=384": "gip+binary=activations+epochs=384",
        "gip+shortcut=binary": "gip+binary=activations",
        "gip+first_step=baseline": "baseline+binary=activations",
        "gip+alpha=0+first_step=kd+tau=4": "kd+binary=activations+tau=4",
        "kd+ce_weight=1+first_step=baseline+tau=4": "baseline+binary=activations",
        "gip+bns_moment=deviation": "gip+binary=activations+bns_moment=deviation",
        "gip+synthetic_steps=60": "gip+binary=activations+synthetic_steps=60",
    }.items():
        assert parents(f"reactnet18/{name}") == {"teacher": teacher, "start": start.format(first)}, name
    assert parents("reactnet18/baseline+first_step=kd") == {"start": start.format("kd+binary=activations")}
    student = resolve("reactnet18/gip+first_step=baseline", seed=1)
    assert student.parents["start"].parents == {}
    assert str(resolve("reactnet18/gip", seed=2).parents["start"].parents["teacher"].run) == teacher


def test_a_teacher_sees_its_students_images_and_nothing_else_of_theirs():
    learnt_from = parents("resnet18/gip+lr=0.05+normalisation=cifar100+width=32")
    assert learnt_from == {"teacher": "gip/cifar100/resnet34/baseline+normalisation=cifar100/seed2"}
    part = resolve("resnet18/gip+classes=20")
    assert part.parents["teacher"].store == part.store != resolve("resnet18/gip").store


@pytest.mark.parametrize("scale", SCALES)
def test_parents_have_their_students_data_and_loop(scale):
    for student in gip_runs(config.user({"scale": scale})).values():
        for role, parent in student.parents.items():
            assert parent.store == student.store and parent.loop == student.loop == "classifier"
            assert parent.run.seed == student.run.seed
            for key in ("image_size", "normalisation", "classes", "data"):
                assert parent.settings.get(key) == student.settings.get(key)
            if role == "start":
                assert parent.settings["binary"] == "activations" and student.settings["binary"] == "all"
                assert parent.settings["width"] == student.settings["width"]
                assert parent.settings["epochs"] == student.settings["epochs"]


def test_one_teacher_a_data_set_and_one_gan_serve_all_students_of_a_seed():
    user = config.user({"scale": "paper"})
    named = {name for name in catalog.parents(user) if name.startswith("gip/")}
    starts = {name for name in named if "+binary=activations" in name}
    groups = [
        "cifar10/resnet34/baseline",
        "cifar100/resnet34/baseline",
        "cifar10/wrn28_10/baseline",
        "cifar10/acgan/acgan",
    ]
    assert named - starts == {f"gip/{group}/seed{seed}" for group in groups for seed in range(3)}
    assert len(starts) == 3 * 8, "two data sets by three methods, and two other lengths"


def test_all_fifteen_combinations_of_table_5():
    cells = catalog.cells("gip_table5")
    assert len(cells) == 15
    on = {}
    for cell in cells:
        values = settings("resnet18/" + cell.run.split("/")[-1])
        assert values["batch"] == 256 and cell.run.startswith("gip/cifar100/resnet18/gip+")
        weights = {name: values[name] for name in LOSSES}
        on[frozenset(name for name in LOSSES if weights[name])] = cell
        assert all(weights[name] in (0, WEIGHTS[name]) for name in LOSSES), "otherwise as in Eq. 16"
        assert cell.row == " + ".join(text for name, text in LOSSES.items() if weights[name])
    assert len(on) == 15 and frozenset() not in on


def test_tables_6_and_7_differ_in_length_alone():
    for model, lengths in (("resnet18", (100, 200, 300)), ("reactnet18", (128, 256, 384))):
        table = {"resnet18": "gip_table6", "reactnet18": "gip_table7"}[model]
        rows = [settings(f"{model}/" + cell.run.split("/")[-1]) for cell in catalog.cells(table)]
        assert tuple(s.pop("epochs") for s in rows) == lengths
        assert rows[0] == rows[1] == rows[2]
    short, long = (rates(f"resnet18/gip+epochs={n}") for n in (100, 300))
    assert (short.count(0.1), long.count(0.1)) == (40, 120), "milestones move with the length,"
    short, long = (rates(f"resnet18/gip+epochs={n}+schedule_epochs=200") for n in (100, 300))
    assert (short.count(0.1), long.count(0.1)) == (80, 80), "unless a variant holds them"


def test_delta_is_swept_as_the_paper_says():
    variants = catalog.variants(config.user({"scale": "paper"}), ["gip"]).values()
    swept = [variant for variant in variants if dict(variant.run.variant).keys() == {"delta"}]
    deltas = {variant.settings["delta"] for variant in swept}
    assert sorted(deltas | {5}) == pytest.approx([1 + 0.2 * n for n in range(46)])


@pytest.mark.parametrize(("scale", "seeds"), [("smoke", 1), ("reduced", 1), ("small", 5), ("gpu", 1), ("paper", 3)])
def test_how_many_runs_there_are_and_that_they_differ(scale, seeds):
    user = config.user({"scale": scale})
    runs = gip_runs(user)
    assert len(runs) == seeds * 111
    assert len({resolved.hash for resolved in runs.values()}) == len(runs)
    shown = {name: resolved for table in catalog.artifacts() for name, resolved in catalog.runs(table, user).items()}
    of_the_paper = [resolved for resolved in shown.values() if is_of_the_paper(resolved)]
    assert len(of_the_paper) == seeds * 38, "the GAN and ReActNet's first steps are in no table"
    assert (
        len([resolved for resolved in catalog.variants(user, ["gip"]).values() if is_of_the_paper(resolved)])
        == seeds * 64
    )


@pytest.mark.parametrize("scale", SCALES)
def test_every_network_can_be_built(scale):
    networks = {}
    for resolved in gip_runs(config.user({"scale": scale})).values():
        shape = tuple(resolved.settings.get(key) for key in ("model", "width", "binary", "shortcut"))
        networks[shape] = resolved.typed.network
    with torch.device("meta"):
        for network in networks.values():
            assert classifiers.head(classifiers.build(network, 10)).out_features == 10


def test_an_override_reaches_those_it_concerns():
    values = {"override": {"gip": {"delta": 2.0, "ce_weight": 0.5}}}
    assert settings("resnet18/gip", **values)["delta"] == 2 and settings("resnet18/kd", **values)["ce_weight"] == 0.5
    assert settings("resnet18/gip+delta=7", **values)["delta"] == 7
    assert settings("resnet18/baseline", **values) == settings("resnet18/baseline")
    off = {"override": {"gip": dict.fromkeys(LOSSES, 0.0)}}
    assert settings("resnet18/kd", **off) and settings("resnet18/gip+beta=5", **off)["beta"] == 5
    with pytest.raises(UserError, match="alpha, beta, gamma and delta are all 0"):
        settings("resnet18/gip", **off)


BAD = {
    "resnet18/gip+alpha=0+beta=0+delta=0+gamma=0": "alpha, beta, gamma and delta are all 0, so the generator",
    "resnet18/dafl+alpha=0+beta=0+gamma=0": "alpha, beta, gamma and delta are all 0, so the generator",
    "resnet18/dafl+synthetic_steps=0": "synthetic_steps is 0, but DAFL has no other images",
    "resnet18/dafl+batch=256": "batch only applies with a method other than dafl",
    "resnet18/dafl+lighting=0.2": "lighting only applies with a method other than dafl",
    "resnet18/baseline+binary=all": "binary only applies with model reactnet18",
    "resnet18/gip+first_step=kd": "first_step only applies with model reactnet18 and binary all",
    "reactnet18/gip+binary=activations+shortcut=binary": "shortcut only applies with binary all",
    "reactnet18/gip+binary=activations+first_step=kd": "first_step only applies with binary all",
    "reactnet18/gip+binary=weights": "binary is 'weights'",
    "reactnet18/gip+stem=cifar": "stem only applies with model resnet18 or resnet34",
    "reactnet18/gip+momentum=0.8": "momentum only applies with optimizer sgd",
    "reactnet18/gip+schedule_epochs=200": "schedule_epochs only applies with schedule steps",
    "reactnet18/kd+first_step=kd": "first_step",  # another name for the run without
    "resnet18/baseline+tau=4": "tau only applies with method dafl or gip or kd",
    "resnet18/baseline+synthetic_steps=9": "synthetic_steps only applies with method dafl or gip",
    "resnet18/gip+synthetic_steps=0+tau=4": "tau only applies with synthetic_steps > 0",
    "resnet18/gip+delta=2+synthetic_steps=0": "delta only applies with synthetic_steps > 0",
    "resnet18/gip+beta=0+ie_form=equation": "ie_form only applies with beta > 0",
    "resnet18/gip+act_form=equation+gamma=0": "act_form only applies with gamma > 0",
    "resnet18/gip+bns_moment=deviation+delta=0": "bns_moment only applies with delta > 0",
    "resnet18/gip+ce_weight=1": "ce_weight only applies with method kd",
    "resnet18/gip+fake_share=0.5": "fake_share only applies with method gantsc",
    "resnet18/gantsc+fake_share=2": "fake_share is 2",
    "resnet18/gip+alpha=-1": "alpha is -1",
    "resnet18/gip+tau=0": "tau is 0",
    "resnet18/gip+synthetic_batch=1": "synthetic_batch is 1",
    "resnet18/gip+teacher=resnet18": "teacher is 'resnet18'",
    "resnet18/gip+delta=5": "delta=5 is what it is without",
    "resnet18/gip+delta=5.0": "delta=5",
    "resnet18/gip+gamma=0+beta=0": "write it as .*beta=0[+]gamma=0",
    "resnet18/gip+noises=5": "unknown key 'noises'",
    "resnet18/gip+image_size=30+stored_size=30": "image_size is 30: a generator's must be a multiple of 4",
    "resnet18/gip+image_size=40": "crop `pad` sees what is stored",
    "resnet18/acgan": "method acgan trains the model acgan, not resnet18",
    "acgan/baseline": "the model acgan is trained by the method acgan only",
    "acgan/gip": "the model acgan is trained by the method acgan only",
    "acgan/acgan+image_size=40+stored_size=40": "image_size is 40",  # its networks are made for 32
    "resnet18/gantsc+image_size=16+stored_size=16": "image_size is 16",
    "resnet18/gip+schedule_epochs=200": "schedule_epochs only applies with another number than epochs",
    "resnet18/dafl+augment=cutout+cutout_size=16": "augment is cutout, but DAFL's student sees no real image",
    "acgan/acgan+augment=mixup+mixup_alpha=1": "augment is mixup: an AC-GAN cannot learn from mixed labels",
    "resnet18/gip+image_size=64+stored_size=64+width=8": "convolutions crash below width 16 from 48 pixels on",
    "resnet50/gip": "'resnet50' is not among the models",
    "resnet18/aikd": "'aikd' is not among the methods",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_runs_are_one_line(name):
    with pytest.raises(UserError, match=BAD[name]) as caught:
        settings(name)
    assert "\n" not in str(caught.value)


def test_data_sets_of_other_papers_are_none_of_this_one():
    with pytest.raises(UserError, match="'tiny_imagenet' is no data set of this paper"):
        settings("resnet18/gip", "tiny_imagenet")


def test_an_error_names_the_run_that_was_asked_for():
    with pytest.raises(
        UserError, match=r"^gip/cifar100/resnet18/gip\+stored_size=64\+image_size=64/seed0: write it as"
    ):
        settings("resnet18/gip+stored_size=64+image_size=64")


def test_a_folder_of_one_s_own_in_a_size_of_its_own():
    user = config.user({"scale": "gpu", "folders": {"defects": "/my/defects"}})
    student = config.resolve("gip/defects/resnet18/gip+image_size=64+stored_size=64/seed0", user)
    assert student.parents["teacher"].settings["image_size"] == 64 and student.store == student.parents["teacher"].store


def test_what_a_variant_says_of_the_second_step_is_not_said_of_the_first():
    user = config.user({"scale": "paper"})
    student = config.resolve("gip/cifar10/reactnet18/gip+delta=2+weight_decay=0.001/seed0", user)
    start = student.parents["start"]
    assert str(start.run) == "gip/cifar10/reactnet18/gip+binary=activations+delta=2/seed0"
    assert start.settings["weight_decay"] == 1e-5


def test_a_first_step_by_override_leaves_every_run_possible():
    user = config.user({"scale": "smoke", "override": {"gip": {"first_step": "baseline"}}})
    runs = catalog.all_runs(user)
    assert runs["gip/cifar10/reactnet18/baseline/seed0"].settings["first_step"] == "same"
    start = runs["gip/cifar10/reactnet18/gip/seed0"].parents["start"]
    assert str(start.run) == "gip/cifar10/reactnet18/baseline+binary=activations/seed0"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A copy of config/ in the working directory."""
    shutil.copytree("config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config"


@pytest.mark.parametrize(
    ("section", "values", "key"),
    [("resnet18", {"normalisation": "cifar100"}, "normalisation"), ("kd", {"train_per_class": 4}, "train_per_class")],
)
def test_a_scale_that_shows_teacher_and_student_other_images_is_refused(own, section, values, key):
    path = own / "scales" / "smoke.yaml"
    content = yaml.safe_load(path.read_text())
    content["gip"][section] = {"set": values}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError, match=f"{key} is .*, but .* for its teacher .*: set it for both"):
        config.resolve("gip/cifar10/resnet18/kd/seed0", config.user())


def test_a_typo_in_a_model_s_where_is_named(own):
    path = own / "gip.yaml"
    path.write_text(path.read_text().replace("binary=activations:", "binry=activations:"))
    with pytest.raises(UserError, match=r"models\.reactnet18\.where: unknown key 'binry'"):
        config.resolve("gip/cifar10/reactnet18/kd/seed0", config.user())
