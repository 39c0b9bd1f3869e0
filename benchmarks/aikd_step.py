"""Compares a training step of AI-KD with that of a usual loop and with a plain step, on one thread of a CPU.

    python benchmarks/aikd_step.py [--width 64] [--batch 128] [--rounds 7]

The loops take turns on PreAct ResNet-18 with 32-pixel images and 100 classes; medians of CPU time are compared:

    plain            cross-entropy alone, in our loop
    usual            AI-KD as such loops are written: superior and previous student under no_grad, all in float32 and in
                     PyTorch's default layout; the student's loss also leaves gradients in the critic
    ours             as in a training: channels-last, no gradients of the critic's weights
    ours, bfloat16   with the frozen networks' convolutions in bfloat16 (`frozen_precision`), as at scale gpu

The losses of the usual loop and ours are equal up to rounding; their relative difference on the first step is printed.
"""

import argparse
import copy
from collections.abc import Callable

import torch
from timing import limit, medians, prepare
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.aikd import AiKd
from advkd.methods.baseline import Baseline
from advkd.methods.batch import Batch
from advkd.methods.settings.aikd import AiKdSettings
from advkd.methods.settings.baseline import BaselineSettings
from advkd.models import classifiers
from advkd.models.critic import Critic
from advkd.models.settings import PreActResNet18Settings

CLASSES = 100


class Usual:
    """AI-KD's step as such loops are written."""

    def __init__(self, settings: AiKdSettings, student: nn.Module, superior: nn.Module, critic: Critic) -> None:
        self.settings, self.student, self.superior, self.critic = settings, student, superior.eval(), critic
        self.previous = copy.deepcopy(student).eval()
        self.adam = torch.optim.Adam(critic.parameters(), settings.critic.critic_lr)

    def kl(self, target: Tensor, logits: Tensor, tau: float) -> Tensor:
        return tau**2 * F.kl_div((logits / tau).log_softmax(1), (target / tau).softmax(1), reduction="batchmean")

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        s, critic = self.settings, self.critic
        eps = torch.rand(len(images), 1)
        z = self.student(images)
        with torch.no_grad():
            u, v = self.superior(images), self.previous(images)
        x = (eps * u + (1 - eps) * z.detach()).requires_grad_()
        self.adam.zero_grad()
        distance = critic(z.detach()).mean() - critic(u).mean()
        score = critic(x)
        (gradient,) = torch.autograd.grad(score, x, torch.ones_like(score), create_graph=True)
        penalty = ((gradient.norm(2, 1) - 1) ** 2).mean()
        (distance + s.critic.gp_weight * penalty).backward()
        self.adam.step()
        distilled = s.alpha_p * self.kl(v, z, s.progressive.tau_p) + s.alpha_g * self.kl(u, z, s.tau_g)
        return (1 - s.alpha_p - s.alpha_g) * F.cross_entropy(z, labels) + distilled - s.omega * critic(z).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    prepare()
    torch.manual_seed(0)
    network = PreActResNet18Settings(model="preact_resnet18", width=arguments.width, preact="lineage")
    student, superior = classifiers.build(network, CLASSES), classifiers.build(network, CLASSES)
    images, labels = torch.randn(arguments.batch, 3, 32, 32), torch.randint(CLASSES, (arguments.batch,))
    last = images.to(memory_format=torch.channels_last)
    batch = Batch(last, labels, torch.arange(arguments.batch))

    def ours(method: type, settings: object, **more: object) -> AiKd | Baseline:
        last_student = copy.deepcopy(student).to(memory_format=torch.channels_last)
        made = method(settings, last_student, classes=CLASSES, **more)
        made.begin_epoch(1, 1.0)  # from the second epoch on there is a previous student
        return made

    plain = ours(Baseline, BaselineSettings())
    exact = ours(AiKd, AiKdSettings(frozen_precision="float32"), superior=copy.deepcopy(superior).eval())
    rounded = ours(AiKd, AiKdSettings(frozen_precision="bfloat16"), superior=copy.deepcopy(superior).eval())
    usual = Usual(exact.settings, copy.deepcopy(student), superior, copy.deepcopy(exact.adversary.critic))
    losses = {
        "plain": (plain.student, lambda: plain.loss(batch)[0], True),
        "usual": (usual.student, lambda: usual.loss(images, labels), False),
        "ours": (exact.student, lambda: exact.loss(batch)[0], True),
        "ours, bfloat16": (rounded.student, lambda: rounded.loss(batch)[0], True),
    }
    steps = {name: make_step(*loop) for name, loop in losses.items()}
    first = {}
    for name in steps:
        torch.manual_seed(1)
        first[name] = float(steps[name]())
    times = medians(steps, arguments.rounds)
    for name, median in times.items():
        ratios = f"{median / times['plain']:.2f} of plain, {median / times['usual']:.2f} of usual"
        print(f"{name:16}{1e3 * median:9.0f} ms   {ratios}")
    for name in ("plain", "ours"):
        floor = limit(steps[name], arguments.rounds)
        print(f"limit of {name}: {floor}; the step takes {times[name] / floor.seconds:.2f} of it")
    difference = abs(first["ours"] - first["usual"]) / abs(first["usual"])
    print(f"relative difference of the losses of usual and ours: {difference:.1e}")


def make_step(network: nn.Module, loss: Callable[[], Tensor], only_the_student: bool) -> Callable[[], Tensor]:
    """Return a function that moves a student by one step and returns the loss."""
    fused = only_the_student  # the default is another implementation of the same step
    optimizer = torch.optim.SGD(network.parameters(), 1e-4, 0.9, nesterov=True, weight_decay=5e-4, fused=fused or None)
    inputs = list(network.parameters()) if only_the_student else None

    def take_step() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward(inputs=inputs)
        optimizer.step()
        return value.detach()

    return take_step


if __name__ == "__main__":
    main()
