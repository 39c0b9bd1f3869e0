from types import SimpleNamespace

import pytest
import torch

from advkd.models import classifiers
from advkd.runs import counting
from advkd.runs.counting import count
from advkd.runs.kinds import kind_key
from advkd.settings import catalog, config

BASELINE = "gip/cifar10/resnet18/baseline/seed0"


@pytest.fixture
def smoke():
    return config.user({"scale": "smoke"})


def forward_operations(network: torch.nn.Module, side: int) -> int:
    """Return the multiplications and additions of a forward of one image, from the shapes of convolutions and heads."""
    operations = []

    def note(module, inputs, output):
        if isinstance(module, torch.nn.Conv2d):
            taps = module.weight[0].numel()
            operations.append(2 * taps * output[0].numel())
        else:
            operations.append(2 * module.weight.numel())

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(note)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, side, side))
    return sum(operations)


def test_a_step_of_a_plain_training_is_a_forward_and_a_backward_of_twice_that(smoke):
    one = config.resolve(BASELINE, smoke)
    kind = count(one, classes=8)
    forward = forward_operations(classifiers.build(one.typed.network, 8), one.settings["image_size"])
    assert kind.evaluation == forward
    first = 2 * 27 * one.settings["width"] * 32 * 32  # no gradient of the images is needed
    assert kind.steps["real"].flops == pytest.approx(3 * forward - first)
    assert kind.steps.keys() == {"real"} and kind.steps["real"].started > 100 and kind.steps["real"].seconds > 0


def test_more_images_cost_no_more_for_each(smoke):
    one = config.resolve(BASELINE, smoke)
    few, many = count(one, 8, images=4), count(one, 8, images=8)
    assert few.steps["real"].flops == pytest.approx(many.steps["real"].flops)
    assert few.steps["real"].started == many.steps["real"].started


@pytest.mark.parametrize("table", ["okd_table1", "aikd_table2", "gip_table2"])
def test_every_method_can_be_counted(smoke, table):
    kinds = {}
    for one in catalog.with_parents(catalog.runs(table, smoke)).values():
        kinds.setdefault((one.run.paper, one.run.method, one.run.model), one)
    for one in kinds.values():
        kind = count(one, classes=8)
        assert all(step.flops > 0 for step in kind.steps.values()) and kind.steps and kind.checkpoint > kind.weights > 0


def test_what_makes_no_difference_is_counted_once(smoke):
    keys = [kind_key(config.resolve(f"aikd/cifar100/preact_resnet18/{name}", smoke)) for name in (
        "aikd/seed0", "aikd+omega=0.5/seed0", "baseline/seed0")]  # fmt: skip
    assert keys[0] == keys[1] != keys[2]


def test_a_step_takes_as_long_as_on_a_machine_with_nothing_else_to_do(monkeypatch):
    """Another program that takes nine tenths of the processor lengthens no estimate."""
    wall, worked = iter([0.0, 10.0]), iter([0.0, 1.0])
    times = SimpleNamespace(perf_counter=lambda: next(wall), process_time=lambda: next(worked))
    monkeypatch.setattr(counting, "time", times)
    assert counting._count_step(lambda: None, 4).seconds == 1.0
