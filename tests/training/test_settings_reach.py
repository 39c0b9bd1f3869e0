"""Every setting reaches what it sets: optimizers, initial weights, losses.

The registry names the methods and the loops build them, from settings that are neither defaults nor equal to one
another. A new method needs no change here, if the optimizer of its network NAME takes its learning rate and
betas from `NAME_lr`, `NAME_beta1` and `NAME_beta2`.
"""

import copy
import functools
import hashlib
import itertools

import pytest
import torch
from trainings import (
    CLASSES,
    CPU,
    distinct_values,
    kind_of,
    make_training,
    other_value,
    resolve_tiny,
    take_epoch,
)

from advkd.bounds import Bounds
from advkd.data.settings import ClassifierStoreSettings, GeneratedImages
from advkd.methods.okd import GanEnsemble
from advkd.methods.settings.base import registered
from advkd.methods.settings.okd import AcganSettings, GanAdam, OkdSettings, SaganSettings
from advkd.schema import choices_of, fields_of, keys_of
from advkd.settings.papers import RUN_CLASSES
from torch_state import _torch_state  # noqa: F401  (a fixture)

CLASSIFIERS = [(paper, method) for paper in ("aikd", "gip") for method in registered(paper)]
LEARNERS = [pair for pair in CLASSIFIERS if resolve_tiny(*pair).parents]
GANS = list(registered("okd"))
RATES = ("lr", "beta1", "beta2", "momentum", "nesterov", "weight_decay")
# Which run a run learns from, and what its data are: a loop is handed both.
STORE = keys_of(ClassifierStoreSettings) | keys_of(GeneratedImages)
NOT_OF_THE_LOOP = {"method", "superior", "teacher", "gan", "first_step", "image_size", "model"}
NOT_OF_THE_LOOP |= {"least_steps"}  # needs more images than these tests have: tests/training/test_recipe.py
NOT_OF_THE_LOOP |= {"start"}  # needs a file of weights: tests/settings/test_starts.py


def optimizer_settings(paper, flat):
    """Return the settings of a run that an optimizer has to follow, by key."""
    applying = RUN_CLASSES[paper].from_flat(flat).flat()
    keys = [key for key in applying if key in RATES or {"lr", "beta1", "beta2"} & set(key.split("_"))]
    return {key: applying[key] for key in keys if key != "lr_factor"}


def key_of(name, rate, settings):
    """Return the setting that holds a rate of the optimizer `name`."""
    for key in (f"{name}_{rate}", f"{rate}_{name}", rate):
        if key in settings:
            return key
    raise AssertionError(f"no setting for {rate} of {name}")


def check_group(group, name, settings):
    """Compare a parameter group with the settings; return the keys that it follows."""
    keys = {"lr": key_of(name, "lr", settings)}
    assert group["lr"] == settings[keys["lr"]], name
    if "betas" in group:
        keys |= {rate: key_of(name, rate, settings) for rate in ("beta1", "beta2")}
        assert group["betas"] == (settings[keys["beta1"]], settings[keys["beta2"]]), name
    else:
        keys |= {"momentum": "momentum", "nesterov": "nesterov"}
        assert (group["momentum"], group["nesterov"]) == (settings["momentum"], settings["nesterov"]), name
        assert group["dampening"] == 0
    if name == "student":
        keys["weight_decay"] = "weight_decay"
        assert group["weight_decay"] == settings["weight_decay"]
    else:
        assert group["weight_decay"] == 0, "Adam of networks beside the student has none"
    return set(keys.values())


def same_parameters(optimizer, networks):
    held = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    return sorted(held) == sorted(id(parameter) for network in networks for parameter in network.parameters())


@pytest.mark.parametrize(
    ("paper", "method", "changes"),
    [(paper, method, {"nesterov": nesterov}) for paper, method in CLASSIFIERS for nesterov in (True, False)]
    + [(paper, method, {"optimizer": "adam"}) for paper, method in CLASSIFIERS if paper == "gip"],
)
def test_optimizers_of_classifiers_follow_their_settings(paper, method, changes):
    values = {**distinct_values(paper, method), "optimizer": "sgd", **changes}
    training = make_training(paper, method, values)
    settings = optimizer_settings(paper, values)
    numbers = [value for value in settings.values() if type(value) is float]
    assert len(set(numbers)) == len(numbers) >= 3, "else one could stand in for another"
    followed = set()
    for name, optimizer in training.optimizers.items():
        assert same_parameters(optimizer, [training.networks[name]]), name
        for group in optimizer.param_groups:
            followed |= check_group(group, name, settings)
    assert followed == settings.keys(), "an optimizer follows each of these settings"


@pytest.mark.parametrize(("paper", "method"), CLASSIFIERS)
def test_only_the_student_s_rate_falls_with_the_schedule(paper, method):
    values = {**distinct_values(paper, method), "schedule": "steps"}
    training = make_training(paper, method, values)
    training.begin_epoch(1)  # the second of two epochs, behind the milestone
    for name, optimizer in training.optimizers.items():
        (group,) = optimizer.param_groups
        factor = values["lr_factor"] if name == "student" else 1.0
        assert group["lr"] == pytest.approx(values[key_of(name, "lr", values)] * factor, rel=1e-12), name


def make_gans(method, values):
    settings = RUN_CLASSES["okd"].from_flat(values)
    torch.manual_seed(0)
    return GanEnsemble(settings.base, settings.method, settings.adam, CLASSES, CPU)


@pytest.mark.parametrize("method", GANS)
def test_optimizers_of_gans_follow_their_settings(method):
    values = distinct_values("okd", method)
    gans, settings = make_gans(method, values), optimizer_settings("okd", values)
    assert len(set(settings.values())) == len(settings)
    followed = set()
    for name, optimizer in gans.optimizers.items():
        networks = [network for key, network in gans.networks.items() if key[0] == name[0].upper()]
        assert same_parameters(optimizer, networks), name
        for group in optimizer.param_groups:
            followed |= check_group(group, name, settings)
    assert followed == settings.keys()


def weights_of(networks):
    """Return the weights that are drawn at random, by network and name."""
    return {
        f"{network}.{name}": weight
        for network, module in networks.items()
        for name, weight in module.state_dict().items()
        if weight.ndim > 1
    }


@pytest.mark.parametrize(("paper", "method"), CLASSIFIERS)
def test_the_generation_decides_every_random_number_beside_the_seed(paper, method):
    values, trainings = distinct_values(paper, method), []
    for generation in (1, 1, 2):
        training = make_training(paper, method, values, generation)
        training.begin_epoch(0)
        trainings.append(training)
    first, equal, other = (weights_of(training.networks) for training in trainings)
    assert first.keys() == equal.keys() == other.keys()
    for name, weight in first.items():
        assert torch.equal(weight, equal[name]), name
        assert not torch.equal(weight, other[name]), name
    orders = [training.order for training in trainings]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])
    images = [training.load(torch.arange(6), 0).images for training in trainings]
    assert torch.equal(images[0], images[1]) and not torch.equal(images[0], images[2])
    for training in trainings:
        take_epoch(training, 0)
    first, equal, _ = (training.networks["student"].state_dict() for training in trainings)
    assert all(torch.equal(weight, equal[name]) for name, weight in first.items()), "the same noise and dropout too"


def run_from_its_settings(resolved):
    """Return a training that has not begun but for its first epoch's order."""
    training = make_training(resolved.run.paper, resolved.run.method, dict(resolved.settings))
    training.begin_epoch(0)
    return training


@pytest.mark.parametrize(("paper", "method"), LEARNERS)
def test_a_run_starts_otherwise_than_those_it_learns_from_and_sees_other_views(paper, method):
    """No two weights of one shape are equal, whatever their places in the two networks."""
    resolved = resolve_tiny(paper, method)
    child = run_from_its_settings(resolved)
    for role, run in resolved.parents.items():
        parent = run_from_its_settings(run)
        own, theirs = (weights_of({"student": training.networks["student"]}) for training in (child, parent))
        for (name, weight), (other, its_weight) in itertools.product(own.items(), theirs.items()):
            assert not torch.equal(weight, its_weight), (role, name, other)
        assert not torch.equal(child.order, parent.order), role
        assert not torch.equal(child.load(torch.arange(6), 0).images, parent.load(torch.arange(6), 0).images), role


# By paper, method and setting: the factor of a change of the setting in the changed loss, from terms and settings, and
# which loss changes: the student's (L), or that of a network beside it.
WEIGHTS = {
    ("aikd", "aikd", "alpha_g"): ("L", lambda t, s: t["L_G"] - t["CE"]),
    ("aikd", "aikd", "alpha_p"): ("L", lambda t, s: t["L_P"] - t["CE"]),
    ("aikd", "aikd", "omega"): ("L", lambda t, s: t["L_A"]),
    ("aikd", "aikd", "gp_weight"): ("L_D", lambda t, s: t["GP"]),
    ("aikd", "cskd", "cs_weight"): ("L", lambda t, s: t["KD"]),
    ("aikd", "tfkd", "tf_alpha"): ("L", lambda t, s: s["tf_multiplier"] * t["KD"] - t["CE"]),
    ("aikd", "tfkd", "tf_multiplier"): ("L", lambda t, s: s["tf_alpha"] * t["KD"]),
    ("aikd", "pskd", "ps_alpha"): ("L", lambda t, s: t["past"] - t["CE"]),  # in the last epoch
    ("gip", "kd", "ce_weight"): ("L", lambda t, s: t["CE"]),
    ("gip", "gip", "alpha"): ("L_G", lambda t, s: t["L_OH"]),
    ("gip", "gip", "beta"): ("L_G", lambda t, s: t["L_IE"]),
    ("gip", "gip", "gamma"): ("L_G", lambda t, s: t["L_ACT"]),
    ("gip", "gip", "delta"): ("L_G", lambda t, s: t["L_BNS"]),
    ("gip", "dafl", "alpha"): ("L_G", lambda t, s: t["L_OH"]),
    ("gip", "dafl", "beta"): ("L_G", lambda t, s: t["L_IE"]),
    ("gip", "dafl", "gamma"): ("L_G", lambda t, s: t["L_ACT"]),
    ("gip", "dafl", "delta"): ("L_G", lambda t, s: t["L_BNS"]),
}


def weight_keys(group):
    """Return the settings of a group that are a weight: any number from 0 on."""
    kinds = {key: kind_of(annotation) for key, annotation in keys_of(group).items()}
    return [key for key, (kind, bounds) in kinds.items() if kind is float and bounds == Bounds(ge=0)]


def last_epoch(paper, method, values, state):
    """Return the terms of a step of the last epoch from a state at its start, with the student's loss as L."""
    training = make_training(paper, method, values)
    training.restore(copy.deepcopy(state))
    training.begin_epoch(1)
    torch.manual_seed(5)
    if training.method.synthetic_steps:
        loss, terms = training.method.synthetic_loss()
    else:
        loss, terms = training.method.loss(training.load(torch.arange(6), 2))
    return {"L": loss.item(), **{name: term.item() for name, term in terms.items()}}


LISTED = [(paper, method, key) for paper, method, key in WEIGHTS]
OTHERS = [(paper, method, key) for paper, method in CLASSIFIERS for key in weight_keys(registered(paper)[method])]


@pytest.mark.parametrize(("paper", "method", "key"), list(dict.fromkeys(LISTED + OTHERS)))
def test_a_weight_weighs_its_term(paper, method, key):
    """The loss changes by the change of the weight times the term; of a method not listed above, by a line."""
    values = {**distinct_values(paper, method), "critic_steps": 1}
    first_epoch = make_training(paper, method, values)
    take_epoch(first_epoch, 0)
    state, step = first_epoch.state(), 0.125
    results = []
    for times in range(3):
        results.append(last_epoch(paper, method, {**values, key: values[key] + times * step}, state))
    if (paper, method, key) in WEIGHTS:
        name, term = WEIGHTS[paper, method, key]
        expected = step * term(results[0], values)
        assert abs(expected) > 1e-4, "else nothing is seen"
        for before, after in itertools.pairwise(results):
            assert after[name] - before[name] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    else:
        changes = {name: [terms[name] - results[0][name] for terms in results] for name in results[0]}
        lines = [name for name, (_, one, two) in changes.items() if one and two == pytest.approx(2 * one, rel=1e-3)]
        assert lines, "no loss is a line of the weight"


GAN_WEIGHTS = [(model, key) for model, base in (("sagan", SaganSettings), ("acgan", AcganSettings))
               for key in (*weight_keys(base), *weight_keys(OkdSettings))]  # fmt: skip


@pytest.mark.parametrize(("model", "key"), GAN_WEIGHTS)
def test_a_weight_of_gans_weighs_its_term(model, key):
    values = distinct_values("okd", "okd", model)
    results = [gan_terms(values | {key: values[key] + times * 0.125})[1] for times in range(3)]
    roles = {"gp_weight": "DC", "aux_weight": "DCG", "rho": "G"}[key]
    for name, start in results[0].items():
        first, second = (terms[name] - start for terms in results[1:])
        if not name.startswith("L_") or name[2] not in roles:
            # A generator's loss comes after the step of its critics, whose losses have moved them.
            assert name.startswith(("L_G", "L_C")) or first == second == 0, name
            continue
        assert first != 0, name
        if name[2] != "G" or key == "rho":
            assert second == pytest.approx(2 * first, rel=1e-3, abs=1e-6), name
        if key == "gp_weight":
            assert first == pytest.approx(0.125 * results[0][f"GP_{name[2:]}"], rel=1e-3), name


def gan_terms(values):
    """Return tiny GANs after an iteration, and its terms."""
    method = "okd" if values["sets"] > 1 else "single"
    gans = make_gans(method, values)
    random = torch.Generator().manual_seed(1)
    reals, labels = 2 * torch.rand(2, 3, 64, 64, generator=random) - 1, torch.tensor([0, 3])
    torch.manual_seed(2)
    terms = gans.step(reals, labels)
    return gans, {name: term.item() for name, term in terms.items()}


@functools.cache
def trace_of_classifier(paper, method, changes):
    """Return a digest of all that two epochs leave, and of what optimizers are set to."""
    training = make_training(paper, method, distinct_values(paper, method) | dict(changes))
    history = []
    for epoch in range(training.settings.recipe.epochs):
        take_epoch(training, epoch)
        history.append(training.means.values())
    return digest_of(training.networks, training.optimizers, training.method.tensors, history)


@functools.cache
def trace_of_gans(model, method, changes):
    """Return a digest of all that an iteration leaves, and of what optimizers are set to."""
    gans, terms = gan_terms(distinct_values("okd", method, model) | dict(changes))
    return digest_of(gans.networks, gans.optimizers, {}, terms)


def digest_of(networks, optimizers, tensors, terms):
    digest = hashlib.sha256(repr(terms).encode())
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            digest.update(f"{name}.{key}".encode() + value.double().numpy().tobytes())
    for name, tensor in tensors.items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    for name, optimizer in optimizers.items():
        groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        digest.update(f"{name} {groups}".encode())
    return digest.hexdigest()


def keys_to_change():
    """Return (paper, method, key) of every setting that a loop of classifiers follows."""
    networks = {key for group in fields_by_name(RUN_CLASSES["gip"])["network"].groups for key in keys_of(group)}
    networks |= {key for group in fields_by_name(RUN_CLASSES["aikd"])["network"].groups for key in keys_of(group)}
    cases = []
    for paper, method in CLASSIFIERS:
        keys = set(keys_of(registered(paper)[method]))
        if method == "baseline":
            keys |= keys_of(RUN_CLASSES[paper], ("method",)).keys() - networks - STORE.keys()
        cases += [(paper, method, key) for key in sorted(keys - NOT_OF_THE_LOOP)]
    return cases


def fields_by_name(group):
    return {field.name: field for field in fields_of(group)}


def change_of(group, key, values):
    """Return changes of flat settings, first so that a setting applies, then the same with another value of it."""
    annotation = keys_of(group)[key]
    for context in contexts(group, values):
        applying = group.from_flat({**values, **context}).flat()
        if key not in applying:
            continue
        choices = [value for value in choices_of(group, key) if value != applying[key]]
        value = choices[0] if choices else other_value(annotation, applying[key])
        return context, {**context, key: value}
    raise AssertionError(f"{key} never applies")


def contexts(group, values):
    """Yield changes of flat settings: none, and one choice other than that of `values` each."""
    yield {}
    for key in keys_of(group):
        if key in NOT_OF_THE_LOOP:
            continue
        for choice in choices_of(group, key):
            if choice != values.get(key):
                try:
                    group.from_flat({**values, key: choice})
                except (ValueError, TypeError):  # the choice contradicts another, or asks for keys that are not there
                    continue
                yield {key: choice}


@pytest.mark.parametrize(("paper", "method", "key"), keys_to_change())
def test_every_setting_changes_the_training(paper, method, key):
    values = distinct_values(paper, method)
    before, after = change_of(RUN_CLASSES[paper], key, values)
    traces = [trace_of_classifier(paper, method, tuple(changes.items())) for changes in (before, after)]
    assert traces[0] != traces[1], f"the training is the same with {after} and {before}"


@pytest.mark.parametrize(
    ("model", "key"),
    [("sagan", key) for group in (SaganSettings, OkdSettings, GanAdam) for key in keys_of(group)]
    + [("acgan", key) for key in keys_of(AcganSettings)],
)
def test_every_setting_changes_the_gans(model, key):
    if key in ("model", "method"):
        return
    group, values = RUN_CLASSES["okd"], distinct_values("okd", "okd", model)
    before, after = change_of(group, key, values)
    assert trace_of_gans(model, "okd", tuple(before.items())) != trace_of_gans(model, "okd", tuple(after.items()))
