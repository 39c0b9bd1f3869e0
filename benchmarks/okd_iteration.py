"""Compares an iteration of OKD-SAGAN (N = 3) with that of a usual loop, on one thread of a CPU.

    python benchmarks/okd_iteration.py [--width 16] [--batch 25] [--rounds 7]

The usual loop follows the paper line by line, as GAN loops with gradient penalty are written: images for the critics
are detached; each critic has a forward of real images, of false ones and of interpolates, and each of the nine networks
an optimizer; critics are frozen while a generator learns; each forward has its power iteration. Ours shares the false
images of a z among the critics, and a critic's forward among real and false images, and computes normalised weights
once a step. The loops take turns; medians of CPU time are compared. The gradients of an iteration, in float64 and
without power iteration, are equal up to rounding; their largest difference is printed.

The paper's width is 64, which takes tens of seconds for each round; the default is 16.
"""

import argparse
import copy

import torch
from timing import limit, medians, prepare
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


class Usual:
    """The iteration as GAN loops with gradient penalty are written."""

    def __init__(self, networks: dict[str, nn.Module]) -> None:
        self.networks = networks
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=RATES[name[0]], betas=(0.0, 0.9))
            for name, network in networks.items()
        }

    def update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def critic_loss(self, critic: nn.Module, true: Tensor, false: Tensor) -> Tensor:
        eps = torch.rand(len(true), 1, 1, 1)
        x = (eps * false + (1 - eps) * true).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x), x, torch.ones(len(x)), create_graph=True)
        penalty = (gradient.flatten(1).norm(2, dim=1) - 1).square().mean()
        return critic(false).mean() - critic(true).mean() + LAMBDA * penalty

    def step(self, reals: Tensor) -> None:
        G, D, C = ([self.networks[f"{role}{i}"] for i in range(1, SETS + 1)] for role in "GDC")
        z, fresh = torch.randn(len(reals), 128), torch.randn(len(reals), 128)
        for i in range(SETS):
            self.update(f"D{i + 1}", self.critic_loss(D[i], reals, G[i](z).detach()))
        for i in range(SETS):
            self.update(f"C{i + 1}", self.critic_loss(C[i], G[(i + 1) % SETS](z).detach(), G[i](z).detach()))
        for critic in (*D, *C):
            critic.requires_grad_(False)
        for i in range(SETS):
            fake = G[i](fresh)
            self.update(f"G{i + 1}", -D[i](fake).mean() - RHO * C[i](fake).mean())
        for critic in (*D, *C):
            critic.requires_grad_(True)


def largest_difference(width: int, batch: int) -> float:
    """Return the largest difference of a gradient between the loops, relative to its network's largest, in float64."""
    torch.set_default_dtype(torch.float64)
    gans = ensemble(width)
    for network in gans.networks.values():
        for name, parameter in network.named_parameters():
            if name.endswith("gamma"):
                parameter.data.fill_(0.5)  # at its initial value 0 the gradients of the attention would be zero
    usual = Usual(copy.deepcopy(gans.networks))
    reals = torch.rand(batch, 3, 64, 64) * 2 - 1
    with without_power_iteration(*gans.networks.values(), *usual.networks.values()):
        torch.manual_seed(1)
        gans.step(reals, torch.zeros(batch))
        torch.manual_seed(1)
        usual.step(reals)
    torch.set_default_dtype(torch.float32)
    worst = 0.0
    for name, network in gans.networks.items():
        ours, theirs = ([p.grad for p in other.parameters()] for other in (network, usual.networks[name]))
        scale = max(gradient.abs().max() for gradient in theirs)
        worst = max(worst, *(((a - b).abs().max() / scale).item() for a, b in zip(ours, theirs, strict=True)))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    prepare()
    gans = ensemble(arguments.width)
    usual = Usual(copy.deepcopy(gans.networks))
    reals, labels = torch.rand(arguments.batch, 3, 64, 64) * 2 - 1, torch.zeros(arguments.batch, dtype=torch.int64)
    steps = {"usual": lambda: usual.step(reals), "ours": lambda: gans.step(reals, labels)}
    times = medians(steps, arguments.rounds)
    for name, median in times.items():
        print(f"{name:6}{1e3 * median:9.0f} ms   {median / times['usual']:.2f} of usual")
    floor = limit(steps["ours"], arguments.rounds)
    print(f"limit of ours: {floor}; the iteration takes {times['ours'] / floor.seconds:.2f} of it")
    print(f"largest relative difference of a gradient: {largest_difference(arguments.width, 4):.1e}")


if __name__ == "__main__":
    main()
