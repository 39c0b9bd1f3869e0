"""Compares an AI-KD step with a plain cross-entropy step of the same network and batch, on the CPU.

    PYTHONPATH=src python benchmarks/aikd_step.py [--width 64] [--batch 128] [--rounds 7] [--threads 2]

Three loops take turns on PreAct ResNet-18 with 32-pixel images and 100 classes; their medians are compared:

    plain            cross-entropy alone
    ours             float32 student; frozen networks without graph, channels-last, convolutions in bfloat16
    straightforward  superior and previous student with graph, detached afterwards

Ours should take at most 1.35 times the plain step. The script also prints the difference of the losses from those with
frozen networks in float32, and the peak memory of each loop in its own process (ours at most 1.25 times the plain one).
"""

import argparse
import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from rounds import medians
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
from advkd.runs.allocator import keep_freed_memory

CLASSES, IMAGES = 100, 2000


class Straightforward:
    """The step in its simplest form: three whole networks, each with a graph."""

    def __init__(self, settings: AiKdSettings, student: nn.Module, superior: nn.Module) -> None:
        self.settings, self.student, self.superior = settings, student, superior
        self.previous = copy.deepcopy(student).eval()
        self.critic = Critic(CLASSES)
        self.adam = torch.optim.Adam(self.critic.parameters(), settings.critic.critic_lr)

    def kl(self, target: Tensor, logits: Tensor, tau: float) -> Tensor:
        return tau**2 * F.kl_div((logits / tau).log_softmax(1), (target / tau).softmax(1), reduction="batchmean")

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        s, critic = self.settings, self.critic
        z, u, v = self.student(images), self.superior(images).detach(), self.previous(images).detach()
        eps = torch.rand(len(z), 1)
        x = (eps * u + (1 - eps) * z).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        penalty = ((gradient.norm(2, 1) - 1) ** 2).mean()
        self.adam.zero_grad()
        (critic(z.detach()).mean() - critic(u).mean() + s.critic.gp_weight * penalty).backward()
        self.adam.step()
        distilled = s.alpha_p * self.kl(v, z, s.progressive.tau_p) + s.alpha_g * self.kl(u, z, s.tau_g)
        return 0.6 * F.cross_entropy(z, labels) + distilled - s.omega * critic(z).mean()


def loops(arguments: argparse.Namespace) -> tuple[dict[str, Callable[[], None]], dict]:
    """Return the three steps as functions, and the networks and the batch for the comparison of losses."""
    torch.manual_seed(0)
    settings = AiKdSettings(frozen_precision="bfloat16")
    network = PreActResNet18Settings(model="preact_resnet18", width=arguments.width, preact="lineage")
    labels = torch.randint(CLASSES, (IMAGES,))
    images = torch.randn(arguments.batch, 3, 32, 32).to(memory_format=torch.channels_last)
    index = torch.arange(arguments.batch)
    batch = Batch(images, labels[index], index)
    student = classifiers.build(network, CLASSES).to(memory_format=torch.channels_last)
    superior = classifiers.build(network, CLASSES).to(memory_format=torch.channels_last).eval()
    ours = AiKd(settings, copy.deepcopy(student), superior=superior, classes=CLASSES)
    plain = Baseline(BaselineSettings(), copy.deepcopy(student), classes=CLASSES)
    ours.begin_epoch(1, 1.0)
    naive = Straightforward(settings, copy.deepcopy(student), copy.deepcopy(superior))

    def step(network: nn.Module, loss: Callable[[], Tensor], **options) -> Callable[[], None]:
        optimizer = torch.optim.SGD(network.parameters(), 1e-4, 0.9, nesterov=True, weight_decay=5e-4, fused=True)

        def take_step() -> None:
            optimizer.zero_grad(set_to_none=True)
            loss().backward(**options)
            optimizer.step()

        return take_step

    steps = {
        "plain": step(plain.student, lambda: plain.loss(batch)[0]),
        "ours": step(ours.student, lambda: ours.loss(batch)[0], inputs=list(ours.student.parameters())),
        "straightforward": step(naive.student, lambda: naive.loss(images, batch.labels)),
    }
    return steps, {"student": student, "superior": superior, "batch": batch}


def relative_differences(student: nn.Module, superior: nn.Module, batch: Batch) -> dict[str, float]:
    """Return the relative difference of each loss term from that with frozen networks in float32."""
    results = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(1)
        settings = AiKdSettings(frozen_precision=precision)
        method = AiKd(settings, copy.deepcopy(student), superior=superior, classes=CLASSES)
        with torch.no_grad():  # a previous student that differs from the student
            for weight in method.student.parameters():
                weight.add_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)) * weight.std())
        method.begin_epoch(1, 1.0)
        loss, terms = method.loss(batch)
        results.append({"L": loss, **terms})
    exact, rounded = results
    return {name: ((rounded[name] - exact[name]).abs() / exact[name].abs()).item() for name in ("L", "L_G", "L_P")}


def peak_memory_mib() -> int:
    """Return this process's largest resident size. getrusage would include the process that started this one."""
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
    times = medians(steps, arguments.rounds)
    for name, median in times.items():
        print(f"{name:16}{1e3 * median:9.0f} ms a step   {median / times['plain']:.2f} of the plain step")
    print("target: ours at most 1.35")
    for name, value in relative_differences(**networks).items():
        print(f"{name:16}{value:9.1e} relative difference from frozen networks in float32")
    command = [sys.executable, *sys.argv, "--memory-of"]
    peaks = {name: int(subprocess.check_output([*command, name])) for name in steps}
    for name, peak in peaks.items():
        print(f"{name:16}{peak:9} MiB at most   {peak / peaks['plain']:.2f} of the plain step (target: at most 1.25)")


if __name__ == "__main__":
    main()
