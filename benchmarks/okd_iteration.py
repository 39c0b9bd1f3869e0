"""Compares an iteration of OKD-SAGAN (N = 3) with that of a straightforward loop, on the CPU.

    PYTHONPATH=src python benchmarks/okd_iteration.py [--width 16] [--batch 25] [--rounds 7] [--threads 1]

The straightforward loop is the public SAGAN loop, three times, with connectors in the same style: each loss has its own
forwards of generators and critics, all gradients are computed even if no step uses them, and each forward has its power
iteration. The two loops take turns; the ratio of their medians should be at most 0.6. The gradients of an iteration, in
float64 and without power iteration, should differ by at most 1e-5 of a network's largest gradient.

The paper's width is 64, which takes tens of seconds for each round on two cores; the default is 16. Set
MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ to a large number (10000000000). Otherwise glibc returns the large
attention matrices to the system after each use, which costs both loops up to half of their time.
"""

import argparse
import copy

import torch
from rounds import medians
from torch import Tensor, nn

from advkd.methods.okd import GanEnsemble
from advkd.methods.settings.okd import GanAdam, OkdSettings, SaganSettings
from advkd.models.spectral import without_power_iteration

SETS, RHO, LAMBDA = 3, 1.0, 10.0
RATES = {"G": 1e-4, "D": 4e-4, "C": 5e-5}


def ensemble(width: int) -> GanEnsemble:
    torch.manual_seed(0)
    base = SaganSettings(model="sagan", width=width, z=128, spectral_norm=True, gp_weight=LAMBDA, penalty="joint")
    method = OkdSettings(sets=SETS, rho=RHO, lr_connector=RATES["C"])
    adam = GanAdam(lr_generator=RATES["G"], lr_discriminator=RATES["D"], beta1=0.0, beta2=0.9)
    return GanEnsemble(base, method, adam, classes=5, device=torch.device("cpu"))


class Straightforward:
    """The same iteration, without shared forwards."""

    def __init__(self, networks: dict[str, nn.Module]) -> None:
        self.networks = networks
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=RATES[name[0]], betas=(0.0, 0.9))
            for name, network in networks.items()
        }

    def update(self, name: str, loss: Tensor) -> None:
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        self.gradients[name] = [parameter.grad for parameter in self.networks[name].parameters()]
        self.optimizers[name].step()

    def critic_loss(self, critic: nn.Module, true: Tensor, false: Tensor) -> Tensor:
        eps = torch.rand(len(true), 1, 1, 1)
        x = (eps * false + (1 - eps) * true).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x), x, torch.ones(len(x)), create_graph=True)
        penalty = (gradient.flatten(1).norm(2, dim=1) - 1).square().mean()
        return critic(false).mean() - critic(true).mean() + LAMBDA * penalty

    def step(self, reals: Tensor) -> None:
        self.gradients: dict[str, list[Tensor]] = {}
        G, D, C = ([self.networks[f"{role}{i}"] for i in range(1, SETS + 1)] for role in "GDC")
        z, fresh = torch.randn(len(reals), 128), torch.randn(len(reals), 128)
        for i in range(SETS):
            self.update(f"D{i + 1}", self.critic_loss(D[i], reals, G[i](z)))
        for i in range(SETS):
            self.update(f"C{i + 1}", self.critic_loss(C[i], G[(i + 1) % SETS](z), G[i](z)))
        for i in range(SETS):
            fake = G[i](fresh)
            self.update(f"G{i + 1}", -D[i](fake).mean() - RHO * C[i](fake).mean())


def largest_difference(width: int, batch: int) -> float:
    """Return the largest difference of a gradient between the loops, relative to its network's largest, in float64."""
    torch.set_default_dtype(torch.float64)
    gans = ensemble(width)
    for network in gans.networks.values():
        for name, parameter in network.named_parameters():
            if name.endswith("gamma"):
                parameter.data.fill_(0.5)  # at its initial value 0 the gradients of the attention would be zero
    naive = Straightforward(copy.deepcopy(gans.networks))
    reals = torch.rand(batch, 3, 64, 64) * 2 - 1
    with without_power_iteration(*gans.networks.values(), *naive.networks.values()):
        torch.manual_seed(1)
        gans.step(reals, torch.zeros(batch))
        torch.manual_seed(1)
        naive.step(reals)
    torch.set_default_dtype(torch.float32)
    worst = 0.0
    for name, network in gans.networks.items():
        ours, theirs = [p.grad for p in network.parameters()], naive.gradients[name]
        scale = max(gradient.abs().max() for gradient in theirs)
        worst = max(worst, *(((a - b).abs().max() / scale).item() for a, b in zip(ours, theirs, strict=True)))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    gans = ensemble(arguments.width)
    naive = Straightforward(copy.deepcopy(gans.networks))
    reals, labels = torch.rand(arguments.batch, 3, 64, 64) * 2 - 1, torch.zeros(arguments.batch, dtype=torch.int64)
    iterations = {"straightforward": lambda: naive.step(reals), "ours": lambda: gans.step(reals, labels)}
    times = medians(iterations, arguments.rounds)
    for name, median in times.items():
        print(f"{name:16}{1e3 * median:9.0f} ms an iteration")
    print(f"ratio           {times['ours'] / times['straightforward']:9.2f} (target: at most 0.6)")
    print(f"gradients       {largest_difference(arguments.width, 4):9.1e} largest relative difference (at most 1e-5)")


if __name__ == "__main__":
    main()
