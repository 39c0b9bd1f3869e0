"""A method in a loop of one's own, as the docstring of `methods.method` shows it, against the training loop."""

import torch
from trainings import CLASSES, distinct_values, make_training

from advkd.methods.aikd import AiKd
from advkd.methods.batch import Batch
from advkd.models import classifiers
from advkd.training.seeding import Streams
from torch_state import _torch_state  # noqa: F401  (a fixture)

EPOCHS = 5


def test_a_plain_loop_gives_the_training_loop_s_weights_to_the_bit():
    """Ten steps in five epochs on equal images: Batch objects in the one loop, plain tensors in the other."""
    values = distinct_values("aikd", "aikd") | {"epochs": EPOCHS, "lr": 0.02, "critic_lr": 0.01}
    training = make_training("aikd", "aikd", values)
    batches, load = [], training.load

    def recording(index, number):
        batches.append(load(index, number))
        return batches[-1]

    training.load = recording
    for epoch in range(EPOCHS):
        training.begin_epoch(epoch)
        for step in range(training.steps):
            training.take_step(epoch, step)
            training.session.step += 1
        training.end_epoch(epoch)
    assert len(batches) == 10 and all(isinstance(batch, Batch) for batch in batches)

    settings, parent = training.settings, training.session.parents["superior"]
    streams = Streams(settings.seed, 1)  # it has a parent without parents
    torch.manual_seed(streams.derive("initialisation"))
    student = classifiers.build(settings.network, CLASSES).to(memory_format=torch.channels_last)
    superior = classifiers.build(settings.network, CLASSES).to(memory_format=torch.channels_last)
    superior.load_state_dict(parent.weights("last"))
    start = {name: weight.clone() for name, weight in student.state_dict().items()}

    method = AiKd(settings.method, student, superior=superior.eval(), classes=CLASSES)
    optimizer = torch.optim.SGD(
        student.parameters(),
        lr=0.02,
        momentum=settings.optimizer.momentum,
        weight_decay=settings.recipe.weight_decay,
        nesterov=settings.optimizer.nesterov,
        fused=True,
    )
    images_and_labels = iter([(batch.images, batch.labels) for batch in batches])
    number = 0
    for epoch in range(EPOCHS):
        if epoch >= EPOCHS / 2:  # the milestone
            optimizer.param_groups[0]["lr"] = 0.02 * settings.schedule.lr_factor
        method.begin_epoch(epoch)
        for _ in range(2):
            images, labels = next(images_and_labels)
            torch.manual_seed(streams.derive("step", number))
            loss, _ = method(images, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            number += 1
        method.end_epoch(epoch)

    theirs, critic = training.networks["student"].state_dict(), training.networks["critic"].state_dict()
    for name, weight in student.state_dict().items():
        assert torch.equal(weight, theirs[name]), name
    for name, weight in method.networks["critic"].state_dict().items():
        assert torch.equal(weight, critic[name]), name
    assert not any(torch.equal(weight, theirs[name]) for name, weight in start.items() if weight.ndim > 1)
