"""Compares a synthetic iteration of GIP with one in the order of DAFL's loop, on one thread of a CPU.

    python benchmarks/gip_step.py [--width 64] [--batch 64] [--rounds 7]

ResNet-34 teaches ResNet-18 on 32-pixel images, with DAFL's generator at full width. The loops take turns; medians of
CPU time are compared:

    usual            DAFL's order of work, with L_BNS added by hooks: one forward of the teacher, one backward of the
                     sum of the generator's and the student's losses, gradients of the teacher's weights too; float32
                     and PyTorch's default layout
    ours             as in a training: channels-last, no gradients of the teacher's weights
    ours, bfloat16   the same with networks in bfloat16

The losses of the usual loop and ours are equal up to rounding; their relative differences on the first step, from equal
weights and noise, are printed.
"""

import argparse
import copy
from collections.abc import Callable

import torch
from timing import limit, medians, prepare
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.gip import Gip
from advkd.methods.settings.gip import GipSettings, Synthesis
from advkd.models import classifiers
from advkd.models.dafl import Generator
from advkd.models.settings import SmallResNet

CLASSES = 100
Terms = dict[str, Tensor]


class Usual:
    """The iteration in the order of DAFL's loop."""

    def __init__(self, s: Synthesis, student: nn.Module, teacher: nn.Module, generator: Generator) -> None:
        self.s, self.student, self.teacher, self.generator = s, student, teacher, generator
        self.adam = torch.optim.Adam(generator.parameters(), s.generator_lr)
        self.sgd = torch.optim.SGD(student.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
        self.features: list[Tensor] = []
        self.distances: list[Tensor] = []
        classifiers.head(teacher).register_forward_pre_hook(lambda _, inputs: self.features.append(inputs[0]))
        for module in teacher.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(self.compare)

    def compare(self, norm: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
        self.distances.append(F.mse_loss(mean, norm.running_mean) + F.mse_loss(variance, norm.running_var))

    def step(self) -> Terms:
        s = self.s
        noise = torch.randn(s.synthetic_batch, s.noise)
        self.adam.zero_grad()
        self.sgd.zero_grad()
        self.features, self.distances = [], []
        images = self.generator(noise)
        logits = self.teacher(images)
        probabilities = logits.softmax(1).mean(0)
        terms = {
            "L_OH": F.cross_entropy(logits, logits.argmax(1)),
            "L_IE": (probabilities * probabilities.log10()).sum(),
            "L_ACT": -self.features[0].abs().mean(),
            "L_BNS": torch.stack(self.distances).mean(),
        }
        total = s.alpha * terms["L_OH"] + s.beta * terms["L_IE"] + s.gamma * terms["L_ACT"] + s.delta * terms["L_BNS"]
        learnt = self.student(images.detach()).log_softmax(1)
        terms["L_KD"] = F.kl_div(learnt, logits.detach().softmax(1), reduction="batchmean")
        (total + terms["L_KD"]).backward()
        self.adam.step()
        self.sgd.step()
        return terms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    prepare()
    torch.manual_seed(0)
    student = classifiers.build(SmallResNet(model="resnet18", width=arguments.width, stem="cifar"), CLASSES)
    teacher = classifiers.build(SmallResNet(model="resnet34", width=arguments.width, stem="cifar"), CLASSES)
    with torch.no_grad():  # gives batch norm statistics of images, as a trained teacher has
        teacher(torch.randn(64, 3, 32, 32))
    teacher.eval()

    def ours(precision: str) -> Gip:
        settings = GipSettings(synthesis=Synthesis(synthetic_batch=arguments.batch, frozen_precision=precision))
        network = copy.deepcopy(student).to(memory_format=torch.channels_last)
        method = Gip(settings, network, teacher=teacher, classes=CLASSES, epochs=1, precision=precision)
        method.begin_epoch(0, 1.0)
        return method

    exact, rounded = ours("float32"), ours("bfloat16")
    generator = copy.deepcopy(exact.generator).to(memory_format=torch.contiguous_format)
    rounded.generator.load_state_dict(generator.state_dict())
    steps = {
        "usual": Usual(exact.s, student, copy.deepcopy(teacher), generator).step,
        "ours": make_step(exact),
        "ours, bfloat16": make_step(rounded),
    }
    first = {}
    for name, step in steps.items():
        torch.manual_seed(1)
        first[name] = {term: float(value.detach()) for term, value in step().items()}
    times = medians(steps, arguments.rounds)
    for name, median in times.items():
        print(f"{name:16}{1e3 * median:9.0f} ms   {median / times['usual']:.2f} of usual")
    floor = limit(steps["ours"], arguments.rounds)
    print(f"limit of ours: {floor}; the step takes {times['ours'] / floor.seconds:.2f} of it")
    for term, value in first["usual"].items():
        differences = {name: abs(first[name][term] - value) / abs(value) for name in ("ours", "ours, bfloat16")}
        print(f"relative difference of {term:6}", *(f"{name} {value:.1e}  " for name, value in differences.items()))


def make_step(method: Gip) -> Callable[[], Terms]:
    """Return a function that moves the generator and the student, with the recipe of GIP, and returns the losses."""
    parameters = list(method.student.parameters())
    optimizer = torch.optim.SGD(parameters, 0.1, 0.9, weight_decay=5e-4, nesterov=True, fused=True)

    def take_step() -> Terms:
        loss, terms = method.synthetic_loss()
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=parameters)
        optimizer.step()
        return terms

    return take_step


if __name__ == "__main__":
    main()
