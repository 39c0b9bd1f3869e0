"""Networks that begin with the weights of a trained one."""

import pytest
import torch

from advkd.errors import UserError
from advkd.models import classifiers
from advkd.models.settings import ImageNetResNet18, PreActResNet18Settings
from advkd.training import starting
from advkd.training.classifier import warn_of_few


def network(seed, classes=3, width=8):
    torch.manual_seed(seed)
    settings = PreActResNet18Settings(model="preact_resnet18", width=width, preact="lineage")
    return classifiers.build(settings, classes)


def last_layer(state):
    return {name: value for name, value in state.items() if value.shape[:1] in ((3,), (5,)) and value.ndim in (1, 2)}


def test_all_but_the_last_layer_is_taken_over_also_from_other_classes():
    trained, student = network(1, classes=5), network(2)
    trained.train()(torch.rand(4, 3, 32, 32))  # moves the statistics of its batch norms
    weights, drawn = trained.state_dict(), network(2).state_dict()
    starting.take_over(student, weights, "a/model.safetensors", "preact_resnet18 of width 8")
    taken = student.state_dict()
    head = last_layer(drawn)
    assert len(head) == 2
    for name, value in taken.items():
        assert torch.equal(value, drawn[name] if name in head else weights[name]), name


def test_the_last_layer_is_drawn_anew_for_as_many_classes_too():
    trained, student = network(1), network(2)
    starting.take_over(student, trained.state_dict(), "a", "kind")
    assert torch.equal(classifiers.head(student).weight, classifiers.head(network(2)).weight)


def test_torchvision_s_weights_fit_resnet18():
    torchvision = pytest.importorskip("torchvision")
    theirs = torchvision.models.resnet18(num_classes=7)
    ours = classifiers.build(ImageNetResNet18(model="resnet18", width=64), 2)
    starting.take_over(ours, theirs.state_dict(), "a", "kind")
    assert torch.equal(ours.state_dict()["layer4.1.conv2.weight"], theirs.layer4[1].conv2.weight)


def lack(state):
    del state["stem.0.weight"]


def add(state):
    state["more.weight"] = torch.zeros(1)


def spoil(state):
    next(value for value in state.values() if value.ndim == 4)[0, 0, 0, 0] = torch.nan


@pytest.mark.parametrize(("change", "message"), [
    (lack, "it lacks stem.0.weight"), (add, "it has beside it more.weight"), (spoil, "are not finite"),
])  # fmt: skip
def test_weights_of_another_network_are_refused_in_one_line(change, message):
    state = {name: value.clone() for name, value in network(1).state_dict().items()}
    change(state)
    with pytest.raises(UserError, match=message) as refusal:
        starting.take_over(network(2), state, "place/model.safetensors", "preact_resnet18 of width 8")
    assert str(refusal.value).startswith("place/model.safetensors") and "\n" not in str(refusal.value)


def test_another_width_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"is \[16, 3, 3, 3\], here \[8, 3, 3, 3\]; start from a network of the same"):
        starting.take_over(network(2), network(1, width=16).state_dict(), "place", "preact_resnet18 of width 8")


def test_classes_with_few_images_are_told_of_once(capfd):
    labels = torch.tensor([0] * 30 + [1] * 4 + [2] * 19)
    warn_of_few(labels, ["crack", "Riß", "sound"])
    warn_of_few(labels[:30], ["crack"])
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("warning: 2 of 3 classes have fewer than 20 training images") and line.endswith(
        "'Riß' has 4"
    )
