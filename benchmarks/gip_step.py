"""One synthetic iteration of GIP against a straightforward loop's, on the CPU or a GPU.

    PYTHONPATH=src python benchmarks/gip_step.py [--width 64] [--batch 64] [--rounds 7] [--threads 2]

ResNet-34 teaches ResNet-18, with DAFL's generator at full width. Rounds interleaved, medians: straightforward (one
teacher forward for the generator's loss and another for the student's target, gradients for the teacher's weights too;
1 by definition); ours (one forward of a teacher whose weights ask for none, channels last), which should take at most
0.7 of it with losses equal to 1e-5; and ours with bfloat16 networks. Losses are compared on the first step, from equal
weights and noise.
"""

import argparse
import copy
from pathlib import Path
from types import SimpleNamespace

import torch
import yaml
from rounds import medians
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.baseline import Task
from advkd.methods.gip import Gip
from advkd.models import classifiers
from advkd.models.dafl import Generator
from advkd.runs.allocator import keep_freed_memory
from advkd.training import recipe

CLASSES = 100


def settings(model: str, **changes: object) -> SimpleNamespace:
    with Path("config/gip.yaml").open(encoding="utf-8") as file:
        paper = yaml.safe_load(file)
    layers = paper["defaults"] | paper["models"][model] | paper["methods"]["gip"]
    return SimpleNamespace(**(layers | {"model": model} | changes))


class Straightforward:
    """The iteration as one writes it down first: two forwards of the teacher, and a gradient for every weight."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, teacher: nn.Module, generator: Generator) -> None:
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

    def loss(self) -> dict[str, Tensor]:
        s = self.s
        images = self.generator(torch.randn(s.synthetic_batch, s.noise, device=next(self.student.parameters()).device))
        self.features, self.distances = [], []
        logits = self.teacher(images)
        probabilities = logits.softmax(1).mean(0)
        parts = {
            "L_OH": F.cross_entropy(logits, logits.argmax(1)),
            "L_IE": (probabilities * probabilities.log10()).sum(),
            "L_ACT": -self.features[0].abs().mean(),
            "L_BNS": torch.stack(self.distances).mean(),
        }
        total = s.alpha * parts["L_OH"] + s.beta * parts["L_IE"] + s.gamma * parts["L_ACT"] + s.delta * parts["L_BNS"]
        self.adam.zero_grad()
        total.backward()
        self.adam.step()
        images = images.detach()
        target, learnt = self.teacher(images).detach().softmax(1), self.student(images).log_softmax(1)
        kd = F.kl_div(learnt, target, reduction="batchmean")
        return {"L": kd, **parts}


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
    s = settings("resnet18", width=arguments.width, synthetic_batch=arguments.batch)
    torch.manual_seed(0)
    student = classifiers.build(s, CLASSES).to(device)
    teacher = classifiers.build(settings("resnet34", width=arguments.width), CLASSES).to(device)
    with torch.no_grad():  # statistics of images, as a trained teacher keeps them
        teacher(torch.randn(64, 3, 32, 32, device=device))
    teacher.eval()
    task = Task(CLASSES, torch.zeros(1, dtype=torch.int64), device, {"teacher": teacher})

    def ours(precision: str) -> Gip:
        changes = {"precision": precision, "frozen_precision": precision}
        network = copy.deepcopy(student).to(memory_format=torch.channels_last)
        method = Gip(SimpleNamespace(**(vars(s) | changes)), network, task)
        method.begin_epoch(0, 1.0)
        return method

    exact, rounded = ours("float32"), ours("bfloat16")
    rounded.generator.load_state_dict(exact.generator.state_dict())
    naive = Straightforward(s, copy.deepcopy(student), copy.deepcopy(teacher), copy.deepcopy(exact.generator))
    losses = {
        "straightforward": (naive.student, naive.loss),
        "ours": (exact.student, exact.synthetic_loss),
        "ours, bfloat16": (rounded.student, rounded.synthetic_loss),
    }
    steps, first = {}, {}
    for name, (network, loss) in losses.items():
        torch.manual_seed(1)
        first[name] = {term: float(value.detach()) for term, value in loss().items()}
        steps[name] = step(network, loss, recipe.optimizer(network, s), device)
    found = medians(steps, arguments.rounds)
    for name, median in found.items():
        print(f"{name:16}{1e3 * median:9.0f} ms an iteration   {median / found['straightforward']:.2f}")
    print("target: ours at most 0.70 of the straightforward iteration, losses within 1e-5")
    for term, value in first["straightforward"].items():
        away = {name: abs(first[name][term] - value) / max(abs(value), 1e-12) for name in list(losses)[1:]}
        print(
            f"{term:16}" + "   ".join(f"{name} {distance:.1e} relative difference" for name, distance in away.items())
        )


def step(network: nn.Module, loss, optimizer: torch.optim.Optimizer, device: torch.device):
    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss()["L"].backward(inputs=list(network.parameters()))
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return once


if __name__ == "__main__":
    main()
