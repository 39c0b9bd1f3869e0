"""Every method in a loop of one's own, as docs/library.md shows it, against the training loop."""

import pytest
import torch
from torch import nn
from trainings import CLASSES, distinct_values, make_training

from advkd.methods import Method
from advkd.methods.batch import Batch
from advkd.methods.settings.base import registered
from advkd.models import classifiers, gantsc
from advkd.settings.classifier import Adam
from advkd.training.classifier import method_class
from advkd.training.seeding import Streams
from torch_state import _torch_state  # noqa: F401  (a fixture)

EPOCHS = 5
METHODS = [(paper, method) for paper in ("aikd", "gip") for method in registered(paper)]


def train_ours(training) -> tuple[list[list[Batch]], list[float]]:
    """Train with our own loop; return the batches of each epoch, and the factors of the learning rate."""
    epochs, factors, load = [], [], training.load

    def recording(index, number):
        epochs[-1].append(load(index, number))
        return epochs[-1][-1]

    training.load = recording
    for epoch in range(EPOCHS):
        epochs.append([])
        training.begin_epoch(epoch)
        factors.append(training.factor)
        for step in range(training.steps):
            training.take_step(epoch, step)
            training.session.step += 1
        training.end_epoch(epoch)
    return epochs, factors


def parent_network(parent, which) -> nn.Module:
    """Return a trained network that a method learns from, with random weights, built without our loop."""
    settings = parent.settings()
    if which == "generator":
        network: nn.Module = gantsc.Generator(CLASSES, settings.method.noise, settings.network.width)
    else:
        network = classifiers.build(settings.network, CLASSES)
    network.load_state_dict(parent.weights(which))
    return network.to(memory_format=torch.channels_last).eval()


def plain_optimizer(student, settings) -> torch.optim.Optimizer:
    decay, lr = settings.recipe.weight_decay, settings.recipe.lr
    if isinstance(settings.optimizer, Adam):
        betas = (settings.optimizer.beta1, settings.optimizer.beta2)
        return torch.optim.Adam(student.parameters(), lr, betas, weight_decay=decay, fused=True)
    momentum, nesterov = settings.optimizer.momentum, settings.optimizer.nesterov
    return torch.optim.SGD(student.parameters(), lr, momentum, weight_decay=decay, nesterov=nesterov, fused=True)


def as_loader_gives(batch, groups):
    """Return a batch as a DataLoader gives it: labels and places are of all images, partners too."""
    return batch.images, batch.labels.repeat(groups), batch.index.repeat(groups)


@pytest.mark.parametrize(("paper", "name"), METHODS)
def test_a_plain_loop_gives_the_training_loop_s_weights_to_the_bit(paper, name):
    """Ten steps in five epochs on equal images; of GIP as many on synthetic images before them."""
    values = distinct_values(paper, name) | {
        "epochs": EPOCHS,
        "passes": 1,
        "lr": 0.02,
        "critic_lr": 0.01,
        "weight_decay_on": "all",
    }
    training = make_training(paper, name, values)
    batches, factors = train_ours(training)
    settings, session = training.settings, training.session

    streams = Streams(settings.seed, session.generation)
    torch.manual_seed(streams.derive("initialisation"))
    student = classifiers.build(settings.network, CLASSES).to(memory_format=torch.channels_last)
    parents = {}
    for role, parent in session.parents.items():
        parents[role] = parent_network(parent, "generator" if role == "gan" else "last")
    start = {key: weight.clone() for key, weight in student.state_dict().items()}
    method: Method = method_class(settings.method)(
        settings.method,
        student,
        **parents,
        classes=CLASSES,
        labels=torch.arange(12) % CLASSES,
        epochs=EPOCHS,
        image_size=settings.views.image_size,
        normalisation=settings.views.normalisation,
    )
    optimizer = plain_optimizer(student, settings)

    seeds = []
    for epoch in range(EPOCHS):
        of_epoch = [("synthetic", epoch * training.steps + step) for step in range(training.synthetic)]
        of_epoch += [("step", epoch * training.real + step) for step in range(training.real)]
        seeds += [streams.derive(*names) for names in of_epoch]
    assert len(seeds) == {"gip": 20}.get(name, 10)
    coming = iter([*seeds, 0])
    for epoch in range(EPOCHS):
        optimizer.param_groups[0]["lr"] = 0.02 * factors[epoch]
        loader = (as_loader_gives(batch, method.groups) for batch in batches[epoch])
        method.begin_epoch(epoch, factors[epoch])
        if epoch == 0:
            torch.manual_seed(next(coming))
        for loss, _ in method.steps(loader):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            torch.manual_seed(next(coming))
        method.end_epoch(epoch)

    theirs = training.networks["student"].state_dict()
    for key, weight in student.state_dict().items():
        assert torch.equal(weight, theirs[key]), key
    for other, network in method.networks.items():
        ours = training.networks[other].state_dict()
        assert all(torch.equal(weight, ours[key]) for key, weight in network.state_dict().items()), other
    for key, tensor in method.tensors.items():
        assert torch.equal(tensor, training.method.tensors[key]), key
    assert not any(torch.equal(weight, theirs[key]) for key, weight in start.items() if weight.ndim > 1)


def test_the_loop_of_the_docstring_is_that_of_the_steps():
    """Images and labels in a call, without the places that only a table needs."""
    values = distinct_values("aikd", "aikd") | {"epochs": EPOCHS, "lr": 0.02}
    training = make_training("aikd", "aikd", values)
    (batches, *_), _ = train_ours(training)
    images, labels = batches[0].images, batches[0].labels
    results = []
    for step in (lambda method: method(images, labels), lambda method: next(method.steps([(images, labels)]))):
        method = make_training("aikd", "aikd", values).method
        method.begin_epoch(0)
        torch.manual_seed(5)
        results.append(step(method))
    (first, terms), (second, others) = results
    assert torch.equal(first, second) and terms.keys() == others.keys() > {"CE", "L_G", "L_A", "L_D"}
