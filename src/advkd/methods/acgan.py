"""ACGAN (Odena, Olah, Shlens, 2017), the second base of the OKD structure of Guo, Wang and Feng (CSAE 2021).

The public ACGAN code halves its losses. That factor is left out here, since Adam's steps do not depend on it.

Choices:
    - [okd] Open: the connector of OKD-ACGAN. Here: the discriminator's loss with the neighbour's images as the real
      ones, both heads; only its source head acts on the generator; no penalty. Why: the paper says no more than that it
      has the discriminator's structure; Eq. 7 has the single term -rho C_i(G_i(z)), and ACGAN no penalty.
    - [okd] Open: ACGAN's rates and betas. Here: those of the public ACGAN, for its connectors SAGAN's rate
      (`lr_generator`, `lr_discriminator`, `lr_connector`, `beta1`, `beta2`).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from advkd.methods.auc import auc
from advkd.methods.base_gan import CriticStep, Pair
from advkd.methods.settings.okd import AcganSettings
from advkd.models.acgan import Discriminator, Generator

Labelled = tuple[Tensor, Tensor]  # images (B, 3, H, W) and their classes (B,)
Critic = Callable[[Tensor], tuple[Tensor, Tensor]]  # from images to source logits (B,) and class logits (B, classes)


def critic_loss(critic: Critic, true: Labelled, false: Labelled, aux_weight: float) -> dict[str, Tensor]:
    """Return the loss L of D_i (true = real, false = G_i(z, c)) or of C_i (true = G_next(z, c)), W and AUC.

    L = BCE(s(true), 1) + BCE(s(false), 0) + aux_weight * (CE(k(true), their c) + CE(k(false), their c)), with the
    logits s of the source and k of the class. W = mean s(true) - mean s(false) is a difference of logits. It grows with
    the difference of the images, but it is not a Wasserstein distance. AUC is how well s tells the images apart.

    True and false images have separate forwards, since batch norm and dropout make a score depend on the whole batch.
    """
    (source_true, class_true), (source_false, class_false) = critic(true[0]), critic(false[0])
    source = softplus(-source_true).mean() + softplus(source_false).mean()
    auxiliary = cross_entropy(class_true, true[1]) + cross_entropy(class_false, false[1])
    distance, separation = source_true.mean() - source_false.mean(), auc(source_true, source_false)
    return {"L": source + aux_weight * auxiliary, "W": distance, "AUC": separation}


def generator_loss(
    discriminator: Critic, connector: Critic | None, fake: Tensor, labels: Tensor, rho: float, aux_weight: float
) -> Tensor:
    """Return the loss of G_i: BCE(s_D, 1) + aux_weight * CE(k_D, c) + rho * BCE(s_C, 1). `fake` is G_i(z, c)."""
    source, classes = discriminator(fake)
    loss = softplus(-source).mean() + aux_weight * cross_entropy(classes, labels)
    return loss if connector is None else loss + rho * softplus(-connector(fake)[0]).mean()


class Acgan:
    """ACGAN as the base of an ensemble (see `okd.Base`). The classes of fake images are drawn uniformly."""

    def __init__(self, s: AcganSettings, classes: int) -> None:
        self.settings = s
        self.z, self.classes, self.aux_weight, self.conditional = s.z, classes, s.aux_weight, True
        self.critic_steps: list[CriticStep] = [self._critic_loss]

    def generator(self) -> nn.Module:
        """Make a generator."""
        s = self.settings
        return Generator(s.width, s.z, self.classes)

    def critic(self) -> nn.Module:
        """Make a discriminator or connector."""
        s = self.settings
        return Discriminator(s.width, self.classes, s.dropout)

    def latent(self, count: int, device: torch.device) -> Labelled:
        """Draw standard normal noise (count, z) and uniform classes (count,)."""
        noise = torch.randn(count, self.z, device=device)
        return noise, torch.randint(self.classes, (count,), device=device)

    def generate(self, generator: nn.Module, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Return images (B, 3, 64, 64) of noise (B, z) and classes (B,)."""
        return generator(noise, labels)

    def generator_loss(
        self, discriminator: nn.Module, connector: nn.Module | None, fake: Tensor, labels: Tensor | None, rho: float
    ) -> Tensor:
        """Return the loss of G_i with the run's weights."""
        fake, classes = _labelled((fake, labels))
        return generator_loss(discriminator, connector, fake, classes, rho, self.aux_weight)

    def _critic_loss(self, critic: nn.Module, true: Pair, false: Pair) -> dict[str, Tensor]:
        return critic_loss(critic, _labelled(true), _labelled(false), self.aux_weight)


def _labelled(pair: Pair) -> Labelled:
    images, labels = pair
    if labels is None:
        raise ValueError("an ACGAN's images have classes: give them")
    return images, labels
