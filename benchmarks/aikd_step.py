"""One AI-KD step against a plain cross-entropy step of the same network and batch, on the CPU.

    PYTHONPATH=src python benchmarks/aikd_step.py [--width 64] [--batch 128] [--rounds 7] [--threads 2]

Three loops on PreAct ResNet-18 with 32-pixel images and 100 classes, rounds interleaved, medians: plain cross-entropy
(1 by definition); ours (float32 student, frozen networks without graph, channels-last, convolutions in bfloat16);
straightforward (superior and previous student as they are, with graph, detached afterwards). Ours should be at most
1.35. Besides: how far the losses are from those with frozen networks in float32, and what a step adds to the peak
memory of the plain one (at most 1.25 of it), measured in a process of its own for each.
"""

import argparse
import copy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
import yaml
from rounds import medians
from torch import Tensor, nn
from torch.nn import functional as F

from advkd.methods.aikd import AiKd
from advkd.methods.baseline import Baseline, Task
from advkd.methods.batch import Batch
from advkd.models import classifiers
from advkd.models.critic import Critic
from advkd.runs.allocator import keep_freed_memory

CLASSES, IMAGES = 100, 2000


def settings(width: int, **changes: object) -> SimpleNamespace:
    with Path("config/aikd.yaml").open(encoding="utf-8") as file:
        paper = yaml.safe_load(file)
    layers = paper["defaults"] | paper["models"]["preact_resnet18"] | paper["methods"]["aikd"]
    return SimpleNamespace(**(layers | {"model": "preact_resnet18", "width": width} | changes))


class Straightforward:
    """The step as one writes it down first: three whole networks, and a graph for each."""

    def __init__(self, s: SimpleNamespace, student: nn.Module, superior: nn.Module) -> None:
        self.s, self.student, self.superior = s, student, superior
        self.previous = copy.deepcopy(student).eval()
        self.critic = Critic(CLASSES, s)
        self.adam = torch.optim.Adam(self.critic.parameters(), s.critic_lr)

    def kl(self, target: Tensor, logits: Tensor, tau: float) -> Tensor:
        return tau**2 * F.kl_div((logits / tau).log_softmax(1), (target / tau).softmax(1), reduction="batchmean")

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        s, critic = self.s, self.critic
        z, u, v = self.student(images), self.superior(images).detach(), self.previous(images).detach()
        eps = torch.rand(len(z), 1)
        x = (eps * u + (1 - eps) * z).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        penalty = ((gradient.norm(2, 1) - 1) ** 2).mean()
        self.adam.zero_grad()
        (critic(z.detach()).mean() - critic(u).mean() + s.gp_weight * penalty).backward()
        self.adam.step()
        distilled = s.alpha_p * self.kl(v, z, s.tau_p) + s.alpha_g * self.kl(u, z, s.tau_g)
        return 0.6 * F.cross_entropy(z, labels) + distilled - s.omega * critic(z).mean()


def loops(arguments: argparse.Namespace) -> tuple[dict, dict]:
    """Return the three steps as functions, and the networks to compare losses with."""
    torch.manual_seed(0)
    s = settings(arguments.width)
    labels = torch.randint(CLASSES, (IMAGES,))
    images = torch.randn(arguments.batch, 3, 32, 32).to(memory_format=torch.channels_last)
    index = torch.arange(arguments.batch)
    batch = Batch(images, labels[index], index)
    layout = {"memory_format": torch.channels_last}
    student, superior = (classifiers.build(s, CLASSES).to(**layout) for _ in range(2))
    task = Task(CLASSES, labels, torch.device("cpu"), {"superior": superior.eval()})
    ours, plain = (kind(s, copy.deepcopy(student), task) for kind in (AiKd, Baseline))
    ours.begin_epoch(1, 1.0)
    naive = Straightforward(s, copy.deepcopy(student), copy.deepcopy(superior))

    def step(network: nn.Module, loss, **words):
        optimizer = torch.optim.SGD(network.parameters(), 1e-4, 0.9, nesterov=True, weight_decay=5e-4, fused=True)

        def once() -> None:
            optimizer.zero_grad(set_to_none=True)
            loss().backward(**words)
            optimizer.step()

        return once

    steps = {
        "plain": step(plain.student, lambda: plain.loss(batch)["L"]),
        "ours": step(ours.student, lambda: ours.loss(batch)["L"], inputs=list(ours.student.parameters())),
        "straightforward": step(naive.student, lambda: naive.loss(images, batch.labels)),
    }
    return steps, {"student": student, "task": task, "batch": batch}


def largest_difference(width: int, student: nn.Module, task: Task, batch: Batch) -> dict[str, float]:
    """Return how far each loss term is, relatively, from that of frozen networks in float32."""
    found = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(1)
        method = AiKd(settings(width, frozen_precision=precision), copy.deepcopy(student), task)
        with torch.no_grad():  # a previous student that differs from the student
            for weight in method.student.parameters():
                weight.add_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)) * weight.std())
        method.begin_epoch(1, 1.0)
        found.append(method.loss(batch))
    exact, rounded = found
    return {name: ((rounded[name] - exact[name]).abs() / exact[name].abs()).item() for name in ("L", "L_G", "L_P")}


def peak_memory_mib() -> int:
    """Return this process's largest resident size; getrusage's would begin with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-of", choices=("plain", "ours", "straightforward"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    steps, networks = loops(arguments)
    if arguments.memory_of:
        for _ in range(3):
            steps[arguments.memory_of]()
        print(peak_memory_mib())
        return
    found = medians(steps, arguments.rounds)
    for name, median in found.items():
        print(f"{name:16}{1e3 * median:9.0f} ms a step   {median / found['plain']:.2f} of the plain step")
    print("target: ours at most 1.35")
    for name, value in largest_difference(arguments.width, **networks).items():
        print(f"{name:16}{value:9.1e} relative difference from frozen networks in float32")
    command = [sys.executable, *sys.argv, "--memory-of"]
    peaks = {name: int(subprocess.check_output([*command, name])) for name in steps}
    for name, peak in peaks.items():
        print(f"{name:16}{peak:9} MiB at most   {peak / peaks['plain']:.2f} of the plain step (target: at most 1.25)")


if __name__ == "__main__":
    main()
