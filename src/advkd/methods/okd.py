"""OKD: GANs that train together through connectors (Guo, Wang, Feng, CSAE 2021).

A set is a generator G_i and its discriminator D_i. The sets form a directed ring, 1 -> 2 -> ... -> N -> 1. Connector
C_i learns to tell the images of G_i from those of the next generator. G_i learns to fool both C_i and D_i (Figure 1).
The base GAN defines the losses: `sagan` (Eqs. 5-8) or `acgan`.

The images of z are generated once, without graph. They serve D_i, C_i and the connector of the set before. So
connectors need no forward of a generator, and their gradients reach no generator in the critics' steps.

With rho = 0, connectors leave the generators' loss. The N sets are then independent. If they share z, the first is bit
for bit the lone SAGAN of the same seed. Connectors are still trained, at the same cost: the W_i that they measure are
the control for those of rho > 0.

Choices:
    - [okd: abstract] Printed: a generator learns from "the surrounding generators". Here: from its successor on the
      ring only. Why: Eqs. 7 and 8.
    - [okd: section 2] Printed: "RMSProp or SGD rather than Adam". Here: Adam. Why: the sentence describes WGAN; the
      paper's own betas are Adam's.
    - [okd] Open: weight rho of the connectors. Here: that of the discriminators (`rho`). Why: the paper leaves it to
      "future work".
    - [okd] Open: one noise vector for all sets? Here: yes, one for the D and C steps and another for the G step
      (`shared_z`). Why: Eqs. 8 and 9 pair the images of one z; the public SAGAN loop draws another z for G.
    - [okd] Open: the same real images for all discriminators? Here: yes.
    - [okd] Open: order of updates. Here: all D, all C, all G; one step each. Why: 1:1, as in section 2.
    - [okd] Open: number of devices. Here: one. Why: batch norm sees the whole batch; on the paper's 8 GPUs, if
      used together, it would have seen 3 images each.
    - [okd] Open: batch norm when sampling. Here: running statistics. Why: an image then depends on its noise
      alone; with the batch's statistics, as in the public SAGAN loop, FID depends on how samples are chunked.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import cached

from advkd.methods.acgan import Acgan
from advkd.methods.base_gan import Base, Pair
from advkd.methods.sagan import Sagan
from advkd.methods.settings.okd import AcganSettings, GanAdam, OkdSettings, SaganSettings, SetsSettings
from advkd.models.spectral import without_power_iteration


class GanEnsemble:
    """N sets, with connectors for the method "okd". The method "single", the baseline, is one set.

    Networks are initialised from the CPU's global random state, set by set and the connectors last. They stay in
    training mode, so that batch norm uses the batch's statistics in every forward except those of `sample`.

    Args:
        base: settings of the base GAN.
        sets: settings of the sets and connectors.
        adam: settings of the optimizers.
        classes: number of classes of the data set.
        device: device of the networks and images.

    Attributes:
        networks: "G1", "D1", "G2", ... and, for "okd", "C1", ...
        optimizers: "generator", "discriminator" and, for "okd", "connector": each is one Adam over all sets.
        classes: number of classes of the data set.
        z: length of the noise vector.
    """

    def __init__(
        self,
        base: SaganSettings | AcganSettings,
        sets: SetsSettings,
        adam: GanAdam,
        classes: int,
        device: torch.device,
    ) -> None:
        self.classes, self.device, self.z, self.shared_z = classes, device, base.z, sets.shared_z
        self.base = base_gan(base, classes)
        okd = sets if isinstance(sets, OkdSettings) else None
        numbers = range(1, sets.sets + 1)
        networks: dict[str, nn.Module] = {}
        for i in numbers:
            networks |= {f"G{i}": self.base.generator(), f"D{i}": self.base.critic()}
        if okd:
            networks |= {f"C{i}": self.base.critic() for i in numbers}
        self.networks = {name: network.to(device) for name, network in networks.items()}
        self.generators = [self.networks[f"G{i}"] for i in numbers]
        self.discriminators = [self.networks[f"D{i}"] for i in numbers]
        self.connectors = [self.networks[f"C{i}"] for i in numbers] if okd else []
        self.rho = okd.rho if okd else 0.0
        betas = (adam.beta1, adam.beta2)
        self.optimizers = {
            "generator": _adam(self.generators, adam.lr_generator, betas),
            "discriminator": _adam(self.discriminators, adam.lr_discriminator, betas),
        }
        if okd:
            self.optimizers["connector"] = _adam(self.connectors, okd.lr_connector, betas)

    def step(self, reals: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Run one iteration; return its loss terms without waiting for the device.

        Random numbers come from the global state of the device's generator.

        Args:
            reals: images (B, 3, 64, 64) in [-1, 1] on the device.
            labels: their classes, int64 (B,); SAGAN ignores them.

        Returns:
            For each set i, 0-d tensors without graph: the losses "L_Di", "L_Ci" and "L_Gi", the distance "W_i" (mean
            C_i(G_next) - mean C_i(G_i)), how well critics tell their images apart, "AUC_Di" and "AUC_Ci", and, for
            SAGAN, the gradient penalties without lambda, "GP_Di" and "GP_Ci". Each is computed at its network's step,
            before the update.
        """
        sets = len(self.generators)
        # All noise is drawn first: what connectors draw later must not change the first set's random numbers.
        latents: list[Pair] = []  # z of every set, for the critics' steps
        fresh: list[Pair] = []  # z' of every set, for the generators' step
        for i in range(sets):
            if i > 0 and self.shared_z:
                latents.append(latents[0])
                fresh.append(fresh[0])
            else:
                latents.append(self.base.latent(len(reals), self.device))
                fresh.append(self.base.latent(len(reals), self.device))

        with torch.no_grad(), without_power_iteration(*self.generators):
            fakes: list[Pair] = [
                (self.base.generate(G, *z), z[1]) for G, z in zip(self.generators, latents, strict=True)
            ]
        neighbours = fakes[1:] + fakes[:1]

        terms: dict[str, Tensor] = {}
        # Eq. 6: D_i rates real images above those of G_i.
        of_discriminators = self._step_critics("discriminator", [(reals, labels)] * sets, fakes)
        for i, critic_terms in enumerate(of_discriminators, 1):
            terms |= _named(critic_terms, f"D{i}")
        # Eq. 8: C_i rates images of the next generator above those of G_i.
        if self.connectors:
            for i, critic_terms in enumerate(self._step_critics("connector", neighbours, fakes), 1):
                terms |= _named(critic_terms, f"C{i}") | {f"W_{i}": critic_terms["W"]}
        # Eq. 7: G_i fools D_i and C_i.
        return terms | {f"L_G{i}": loss for i, loss in enumerate(self._step_generators(fresh), 1)}

    def _step_critics(self, role: str, true: list[Pair], false: list[Pair]) -> list[dict[str, Tensor]]:
        critics = self.discriminators if role == "discriminator" else self.connectors
        optimizer = self.optimizers[role]
        terms: list[dict[str, Tensor]] = [{} for _ in critics]
        for critic_step in self.base.critic_steps:
            optimizer.zero_grad(set_to_none=True)
            for critic, images, fakes, seen in zip(critics, true, false, terms, strict=True):
                with cached():  # one power iteration and one normalised weight for all forwards of the step
                    losses = critic_step(critic, images, fakes)
                losses["L"].backward()
                for name, value in losses.items():
                    seen[name] = seen.get(name, 0) + value.detach()
            optimizer.step()
        return terms

    def _step_generators(self, latents: list[Pair]) -> list[Tensor]:
        optimizer = self.optimizers["generator"]
        optimizer.zero_grad(set_to_none=True)
        connectors: Sequence[nn.Module | None] = self.connectors if self.rho else [None] * len(self.generators)
        losses = []
        with without_power_iteration(*self.discriminators, *self.connectors):
            for G, D, C, z in zip(self.generators, self.discriminators, connectors, latents, strict=True):
                loss = self.base.generator_loss(D, C, self.base.generate(G, *z), z[1], self.rho)
                # Naming the inputs spares the gradients of the critics' weights.
                loss.backward(inputs=list(G.parameters()))
                losses.append(loss.detach())
        optimizer.step()
        return losses

    @staticmethod
    def brief(terms: dict[str, float]) -> str:
        """Return the losses of `step` in a few words, averaged over the sets: of D, C and G."""
        words = []
        for role in ("D", "C", "G"):
            losses = [value for name, value in terms.items() if name.startswith(f"L_{role}")]
            if losses:
                words.append(f"{role} {sum(losses) / len(losses):+.3f}")
        return " ".join(words)

    @property
    def conditional(self) -> bool:
        """Whether generators take a class beside the noise."""
        return self.base.conditional

    @torch.no_grad()
    def sample(self, index: int, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Return images of one generator, uint8 (n, 64, 64, 3) on the CPU, without drawing random numbers.

        Batch norm uses its running statistics.

        Args:
            index: number of the set, from 0.
            noise: (n, z) on the device.
            labels: classes (n,) on the device for ACGAN, None for SAGAN.
        """
        generator = self.generators[index].eval()
        images = self.base.generate(generator, noise, labels)
        generator.train()
        return quantise(images).cpu()


def base_gan(settings: SaganSettings | AcganSettings, classes: int) -> Base:
    """Return the base GAN that settings describe, for a number of classes."""
    return Sagan(settings, classes) if isinstance(settings, SaganSettings) else Acgan(settings, classes)


def quantise(images: Tensor) -> Tensor:
    """Turn images (n, 3, H, W) in [-1, 1] into uint8 (n, H, W, 3), rounding to the nearest level."""
    return images.add(1).mul(127.5).add(0.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _named(terms: dict[str, Tensor], critic: str) -> dict[str, Tensor]:
    return {f"{name}_{critic}": value for name, value in terms.items() if name != "W"}


def _adam(networks: list[nn.Module], lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return torch.optim.Adam(parameters, lr=lr, betas=betas, fused=True)
