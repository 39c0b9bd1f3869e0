"""Compares a synthetic iteration of GIP with that of a straightforward loop, on the CPU or a GPU.

    PYTHONPATH=src python benchmarks/gip_step.py [--width 64] [--batch 64] [--rounds 7] [--threads 2]

ResNet-34 teaches ResNet-18, with DAFL's generator at full width. Three loops take turns; their medians are compared:

    straightforward  a forward of the teacher for the generator's loss and another for the student's target, with
                     gradients of the teacher's weights
    ours             one forward of the teacher, without gradients of its weights, channels-last
    ours, bfloat16   the same with networks in bfloat16

Ours should take at most 0.7 of the straightforward time, with losses equal to 1e-5. Losses are compared on the first
step, from equal weights and noise.
"""

import argparse
import copy
from collections.abc import Callable

import torch
from rounds import medians
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.gip import Gip
from advkd.methods.method import Loss
from advkd.methods.settings.gip import GipSettings, Synthesis
from advkd.models import classifiers
from advkd.models.dafl import Generator
from advkd.models.settings import SmallResNet
from advkd.runs.allocator import keep_freed_memory

CLASSES = 100


class Straightforward:
    """The iteration in its simplest form: two forwards of the teacher, and a gradient for every weight."""

    def __init__(self, s: Synthesis, student: nn.Module, teacher: nn.Module, generator: Generator) -> None:
        self.s, self.student, self.teacher, self.generator = s, student, teacher, generator
        self.adam = torch.optim.Adam(generator.parameters(), s.generator_lr)
        self.features: list[Tensor] = []
        self.distances: list[Tensor] = []
        classifiers.head(teacher).register_forward_pre_hook(lambda _, inputs: self.features.append(inputs[0]))
        for module in teacher.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(self.compare)

    def compare(self, norm: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
        self.distances.append(F.mse_loss(mean, norm.running_mean) + F.mse_loss(variance, norm.running_var))

    def loss(self) -> Loss:
        s = self.s
        images = self.generator(torch.randn(s.synthetic_batch, s.noise, device=next(self.student.parameters()).device))
        self.features, self.distances = [], []
        logits = self.teacher(images)
        probabilities = logits.softmax(1).mean(0)
        terms = {
            "L_OH": F.cross_entropy(logits, logits.argmax(1)),
            "L_IE": (probabilities * probabilities.log10()).sum(),
            "L_ACT": -self.features[0].abs().mean(),
            "L_BNS": torch.stack(self.distances).mean(),
        }
        total = s.alpha * terms["L_OH"] + s.beta * terms["L_IE"] + s.gamma * terms["L_ACT"] + s.delta * terms["L_BNS"]
        self.adam.zero_grad()
        total.backward()
        self.adam.step()
        images = images.detach()
        target, learnt = self.teacher(images).detach().softmax(1), self.student(images).log_softmax(1)
        kd = F.kl_div(learnt, target, reduction="batchmean")
        return kd, terms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    student_settings = SmallResNet(model="resnet18", width=arguments.width, stem="cifar")
    teacher_settings = SmallResNet(model="resnet34", width=arguments.width, stem="cifar")
    student = classifiers.build(student_settings, CLASSES).to(device)
    teacher = classifiers.build(teacher_settings, CLASSES).to(device)
    with torch.no_grad():  # gives batch norm statistics of images, as a trained teacher has
        teacher(torch.randn(64, 3, 32, 32, device=device))
    teacher.eval()

    def ours(precision: str) -> Gip:
        settings = GipSettings(synthesis=Synthesis(synthetic_batch=arguments.batch, frozen_precision=precision))
        network = copy.deepcopy(student).to(memory_format=torch.channels_last)
        method = Gip(settings, network, teacher=teacher, classes=CLASSES, precision=precision)
        method.begin_epoch(0, 1.0)
        return method

    exact, rounded = ours("float32"), ours("bfloat16")
    rounded.generator.load_state_dict(exact.generator.state_dict())
    naive = Straightforward(exact.s, copy.deepcopy(student), copy.deepcopy(teacher), copy.deepcopy(exact.generator))
    losses = {
        "straightforward": (naive.student, naive.loss),
        "ours": (exact.student, exact.synthetic_loss),
        "ours, bfloat16": (rounded.student, rounded.synthetic_loss),
    }
    steps, first = {}, {}
    for name, (network, loss) in losses.items():
        torch.manual_seed(1)
        total, terms = loss()
        first[name] = {term: float(value.detach()) for term, value in {"L": total, **terms}.items()}
        steps[name] = make_step(network, loss, device)
    times = medians(steps, arguments.rounds)
    for name, median in times.items():
        print(f"{name:16}{1e3 * median:9.0f} ms an iteration   {median / times['straightforward']:.2f}")
    print("target: ours at most 0.70 of the straightforward iteration, losses within 1e-5")
    for term, value in first["straightforward"].items():
        differences = []
        for name in ("ours", "ours, bfloat16"):
            difference = abs(first[name][term] - value) / max(abs(value), 1e-12)
            differences.append(f"{name} {difference:.1e} relative difference")
        print(f"{term:16}" + "   ".join(differences))


def make_step(network: nn.Module, loss: Callable[[], Loss], device: torch.device) -> Callable[[], None]:
    """Return a function that steps the student once, with the recipe of GIP."""
    optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True, fused=True)

    def take_step() -> None:
        optimizer.zero_grad(set_to_none=True)
        total, _ = loss()
        total.backward(inputs=list(network.parameters()))
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return take_step


if __name__ == "__main__":
    main()
