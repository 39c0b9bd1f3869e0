"""SAGAN with WGAN-GP, the first base of the OKD structure: Eqs. 5-8 of Guo, Wang and Feng (CSAE 2021).

One loss trains discriminators and connectors: a critic F learns to score `true` images above `false` ones. It is Eq. 6
for F = D_i, with real images as true and those of G_i as false. It is Eq. 8 for F = C_i, with the next generator's
images as true.

If two neighbouring generators are equal, only the penalty is left (Eq. 10). The gradient of C_i then still has norm 1,
in some direction, and moves G_i by rho. A small learning rate of C_i limits that drift.

Choices:
    - [okd: Eqs. 5, 6, 10] Printed: norm bars, lambda and the law of the interpolate are missing. Here: WGAN-GP's: the
      L2 norm of each image's gradient, lambda (`gp_weight`), eps uniform. Why: the text names WGAN-GP.
    - [okd: Eq. 8, i < N] Printed: the interpolate contains C_{i+1}(z), a scalar. Here: G_{i+1}(z). Why: the case i = N
      has G_1(z).
    - [okd: Eq. 8] Printed: a gradient with respect to z. Here: with respect to the interpolated image. Why: the text
      calls the term WGAN-GP's; C_i must be 1-Lipschitz in images to measure the distance of Eq. 9, and by z the term
      would constrain C_i after G_i.
    - [okd: Eqs. 9 to 11] Printed: the connector's loss grows with dissimilarity. Here: it falls; logged is the distance
      W_i = mean C_i(G_next(z)) - mean C_i(G_i(z)). Why: at its optimum L_C is minus the distance.
    - [okd] Open: penalty in the critic's step, or in a step of its own? Here: in the same step (`penalty`). Why: Adam
      rescales each step, so that lambda would no longer weigh the two; but "after the update of discriminator" (section
      2) reads like a step of its own, which the public SAGAN port takes.
"""

import torch
from torch import Tensor, nn

from advkd.methods.auc import auc
from advkd.methods.base_gan import CriticStep, Pair
from advkd.methods.settings.okd import SaganSettings
from advkd.methods.wgan_gp import gradient_penalty
from advkd.models.sagan import Discriminator, Generator


def wasserstein(critic: nn.Module, true: Tensor, false: Tensor) -> dict[str, Tensor]:
    """Return "W", mean F(true) - mean F(false), and "AUC", from one forward of images (B, 3, H, W) of both kinds.

    One forward equals two, since SAGAN's critics have no batch norm and no dropout: every image is scored by itself.
    """
    on_true, on_false = critic(torch.cat([true, false])).chunk(2)
    return {"W": on_true.mean() - on_false.mean(), "AUC": auc(on_true, on_false)}


def critic_loss(critic: nn.Module, true: Tensor, false: Tensor, eps: Tensor, gp_weight: float) -> dict[str, Tensor]:
    """Return the loss L of D_i (Eq. 6: true = real, false = G_i(z)) or of C_i (Eq. 8: true = G_next(z)), with parts.

    "W" is the critic's estimate of the Wasserstein distance, "AUC" says how well it tells the images apart, "GP" is the
    gradient penalty without its weight lambda.
    """
    seen = wasserstein(critic, true, false)
    penalty = gradient_penalty(critic, true, false, eps)
    return {"L": -seen["W"] + gp_weight * penalty, **seen, "GP": penalty}


def generator_loss(discriminator: nn.Module, connector: nn.Module | None, fake: Tensor, rho: float) -> Tensor:
    """Return the loss of G_i (Eq. 7), without a connector that of a lone SAGAN. `fake` is G_i(z), with graph."""
    loss = -discriminator(fake).mean()
    return loss if connector is None else loss - rho * connector(fake).mean()


class Sagan:
    """SAGAN as the base of an ensemble (see `okd.Base`). Labels are ignored.

    With `penalty` "joint", a critic takes one step on its whole loss. With "split", it takes one step on the distance
    and then one on the penalty; the logged loss is the sum of the two, from before each step.
    """

    def __init__(self, s: SaganSettings, classes: int) -> None:
        self.settings = s
        self.z, self.gp_weight, self.conditional = s.z, s.gp_weight, False
        self.critic_steps: list[CriticStep] = [self._distance, self._penalty] if s.penalty == "split" else [self._joint]

    def generator(self) -> nn.Module:
        """Make a generator."""
        s = self.settings
        return Generator(s.width, s.z, s.spectral_norm)

    def critic(self) -> nn.Module:
        """Make a discriminator or connector."""
        s = self.settings
        return Discriminator(s.width, s.spectral_norm)

    def latent(self, count: int, device: torch.device) -> Pair:
        """Draw standard normal noise (count, z) and no labels."""
        return torch.randn(count, self.z, device=device), None

    def generate(self, generator: nn.Module, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Return images (B, 3, 64, 64) of noise (B, z)."""
        return generator(noise)

    def generator_loss(
        self, discriminator: nn.Module, connector: nn.Module | None, fake: Tensor, labels: Tensor | None, rho: float
    ) -> Tensor:
        """Return Eq. 7."""
        return generator_loss(discriminator, connector, fake, rho)

    def _joint(self, critic: nn.Module, true: Pair, false: Pair) -> dict[str, Tensor]:
        return critic_loss(critic, true[0], false[0], _weights(true[0]), self.gp_weight)

    def _distance(self, critic: nn.Module, true: Pair, false: Pair) -> dict[str, Tensor]:
        seen = wasserstein(critic, true[0], false[0])
        return {"L": -seen["W"], **seen}

    def _penalty(self, critic: nn.Module, true: Pair, false: Pair) -> dict[str, Tensor]:
        penalty = gradient_penalty(critic, true[0], false[0], _weights(true[0]))
        return {"L": self.gp_weight * penalty, "GP": penalty}


def _weights(images: Tensor) -> Tensor:
    # One for each image. They are uniform, so that a and b may be swapped.
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)
