"""Optimizers and learning rates as settings ask for them."""

import pytest
import torch
from torch import nn
from trainings import distinct_values, make_training

from advkd.models.reactnet import ReActNet18
from advkd.settings.classifier import Adam, Milestones, Momentum, Recipe, Smooth
from advkd.settings.gip import GipRecipe, Steps
from advkd.training import recipe

SHARED = {"epochs": 10, "precision": "float32"}
SGD = Momentum(momentum=0.9, nesterov=True), {"lr": 0.1, "weight_decay": 5e-4}
ADAM = Adam(optimizer="adam", beta1=0.5, beta2=0.99), {"lr": 5e-4, "weight_decay": 1e-5}


def make_recipe(values, decays=None):
    """A recipe of the AI-KD paper, or of the GIP paper where `decays` says which weights decay."""
    values = SHARED | values
    return Recipe(**values) if decays is None else GipRecipe(**values, weight_decay_on=decays)


def factors(schedule, epochs):
    return [recipe.factor(schedule, epochs, epoch) for epoch in range(epochs)]


@pytest.mark.parametrize(("epochs", "milestones", "falls"), [
    (200, [0.4, 0.6], (80, 120)), (300, [0.5, 0.75], (150, 225)), (2000, [0.4, 0.8], (800, 1600)),
    (100, [0.4, 0.6], (40, 60)),
])  # fmt: skip
@pytest.mark.parametrize(("kind", "name"), [(Milestones, {}), (Steps, {"schedule": "steps"})])
def test_steps_fall_at_the_milestones(epochs, milestones, falls, kind, name):
    expected = [0.1 ** sum(epoch >= fall for fall in falls) for epoch in range(epochs)]
    assert factors(kind(milestones=milestones, lr_factor=0.1, **name), epochs) == pytest.approx(expected)


@pytest.mark.parametrize(("epochs", "rest"), [(100, 0), (200, 80), (300, 180)])
def test_milestones_of_another_length_stay_where_they_are(epochs, rest):
    """Epochs 80 and 120, as in training for 200."""
    schedule = Steps(schedule="steps", milestones=[0.4, 0.6], lr_factor=0.1, schedule_epochs=200)
    found = factors(schedule, epochs)
    expected = ([1.0] * 80 + [0.1] * 40 + [0.01] * rest)[:epochs]
    assert found == pytest.approx(expected)


def test_wrn_s_steps():
    found = factors(Milestones(milestones=[0.3, 0.6, 0.8], lr_factor=0.2), 200)
    assert [found[epoch] for epoch in (59, 60, 119, 120, 159, 160)] == pytest.approx([1, 0.2, 0.2, 0.04, 0.04, 0.008])


def test_linear_falls_towards_0_and_linear_ahead_reaches_it():
    linear, ahead = (factors(Smooth(schedule=name), 256) for name in ("linear", "linear_ahead"))
    assert linear[0] == 1 and linear[-1] == pytest.approx(1 / 256)
    assert ahead[0] == pytest.approx(255 / 256) and ahead[-1] == 0
    assert linear[1:] == pytest.approx(ahead[:-1])
    assert factors(Smooth(schedule="constant"), 7) == [1] * 7


def test_linear_is_torch_s_lambda():
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], 1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0 - epoch / 16)
    for factor in factors(Smooth(schedule="linear"), 16):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(factor)
        optimizer.step()
        scheduler.step()


def decay_of(optimizer, network):
    """Weight decay of each parameter by name; every one is in one group."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    found = [(names[one], group["weight_decay"]) for group in optimizer.param_groups for one in group["params"]]
    assert sorted(name for name, _ in found) == sorted(names.values())
    return dict(found)


@pytest.mark.parametrize(("settings", "values"), [SGD, ADAM], ids=["sgd", "adam"])
def test_decay_on_all(settings, values):
    network = ReActNet18(5, 8)
    found = decay_of(recipe.optimizer(network, settings, make_recipe(values, "all")), network)
    assert set(found.values()) == {values["weight_decay"]}
    plain = decay_of(recipe.optimizer(network, settings, make_recipe(values)), network)
    assert plain == found


@pytest.mark.parametrize(("settings", "values"), [SGD, ADAM], ids=["sgd", "adam"])
def test_decay_on_maps_is_reactnet_s(settings, values):
    """Convolutions and the shifts of signs and PReLUs; not batch norm, slopes, the last layer."""
    network = ReActNet18(5, 8)
    found = decay_of(recipe.optimizer(network, settings, make_recipe(values, "maps")), network)
    convolutions = {f"{name}.weight" for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    shifts = {name for name in found if name.endswith((".sign.shift", ".activation.before", ".activation.after"))}
    assert len(convolutions) == 1 + 16 + 3 and len(shifts) == 3 * 16
    assert {name for name, decay in found.items() if decay} == convolutions | shifts
    assert {found[name] for name in convolutions | shifts} == {values["weight_decay"]}


def test_a_network_without_maps_is_spared():
    network = nn.Linear(3, 2)
    settings, values = SGD
    found = decay_of(recipe.optimizer(network, settings, make_recipe(values, "maps")), network)
    assert set(found.values()) == {0}


def test_what_the_settings_say_is_what_the_optimizers_do():
    network = nn.Linear(3, 2)
    sgd = recipe.optimizer(network, Momentum(momentum=0.8, nesterov=False), make_recipe(SGD[1]))
    (group,) = sgd.param_groups
    assert isinstance(sgd, torch.optim.SGD)
    assert (group["lr"], group["momentum"], group["nesterov"], group["dampening"]) == (0.1, 0.8, False, 0)
    (group,) = recipe.optimizer(network, SGD[0], make_recipe(SGD[1])).param_groups
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, True, 5e-4)
    adam = recipe.optimizer(network, ADAM[0], make_recipe(ADAM[1]))
    (group,) = adam.param_groups
    assert type(adam) is torch.optim.Adam, "decay in the gradient, not AdamW's"
    assert (group["lr"], group["betas"], group["eps"], group["amsgrad"]) == (5e-4, (0.5, 0.99), 1e-8, False)


def test_steps_of_adam_in_closed_form():
    weight = nn.Linear(2, 1, bias=False).double()
    nn.init.constant_(weight.weight, 1.0)
    optimizer = recipe.optimizer(weight, ADAM[0], make_recipe(ADAM[1] | {"weight_decay": 0.1}))
    m = v = 0.0
    expected = 1.0
    for step, gradient in enumerate((2.0, -1.0, 0.5), 1):
        weight.weight.grad = torch.full((1, 2), gradient, dtype=torch.float64)
        optimizer.step()
        g = gradient + 0.1 * expected
        m, v = 0.5 * m + 0.5 * g, 0.99 * v + 0.01 * g * g
        expected -= 5e-4 * (m / (1 - 0.5**step)) / ((v / (1 - 0.99**step)) ** 0.5 + 1e-8)
        assert weight.weight[0].tolist() == pytest.approx([expected] * 2, rel=1e-9)


@pytest.mark.parametrize(("batch", "images", "expected"), [
    (32, 10_000, 32), (32, 640, 32), (32, 639, 16), (32, 216, 8), (32, 9, 8), (128, 216, 8), (100, 500, 25), (4, 9, 4),
])  # fmt: skip
def test_a_small_set_gets_a_smaller_batch_and_rate(batch, images, expected):
    fitting, lr = recipe.fit(batch, 0.1, images, 20)
    assert lr == pytest.approx(0.1 * expected / batch)
    assert fitting >= expected and images % fitting != 1, "batch norm cannot take one image alone"
    assert fitting == expected or images % expected == 1
    assert recipe.fit(batch, 0.1, images, None) == (batch, 0.1)


def test_a_left_over_image_is_taken_in_by_the_batch():
    assert recipe.fit(8, 0.1, 161, 20) == (9, 0.1)


def test_a_training_takes_the_smaller_batch_and_rate():
    values = distinct_values("aikd", "baseline") | {"batch": 32, "passes": 4, "least_steps": 1}  # 48 images an epoch
    usual = make_training("aikd", "baseline", values)
    small = make_training("aikd", "baseline", values | {"least_steps": 2})
    assert (usual.batch, usual.steps, small.batch, small.steps) == (32, 2, 16, 3)
    for training, lr in ((usual, values["lr"]), (small, values["lr"] / 2)):
        training.begin_epoch(0)
        assert training.optimizer.param_groups[0]["lr"] == lr
