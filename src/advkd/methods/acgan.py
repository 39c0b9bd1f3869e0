"""ACGAN (Odena, Olah, Shlens, 2017), the second base of the OKD structure of Guo, Wang and Feng (CSAE 2021).

The public ACGAN's factors of 1/2 are left out: they rescale the loss, which Adam undoes.

Choices:
    - [okd] Open: the connector of OKD-ACGAN. Here: the discriminator's loss with the neighbour's images as the real
      ones, both heads; only its source head acts on the generator; no penalty. Why: the paper says no more than that it
      has the discriminator's structure; Eq. 7 has the single term -rho C_i(G_i(z)), and ACGAN no penalty.
    - [okd] Open: ACGAN's rates and betas. Here: those of the public ACGAN, for its connectors SAGAN's rate
      (`lr_generator`, `lr_discriminator`, `lr_connector`, `beta1`, `beta2`).
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from advkd.methods.settings.okd import AcganSettings
from advkd.models.acgan import Discriminator, Generator

Labelled = tuple[Tensor, Tensor]  # images (B, 3, H, W) and their classes (B,)


def critic_loss(critic: nn.Module, true: Labelled, false: Labelled, aux_weight: float) -> dict[str, Tensor]:
    """Return the loss L of D_i (true = real, false = G_i(z, c)) or of C_i (true = G_next(z, c)), and the gap W.

    L = BCE(s(true), 1) + BCE(s(false), 0) + aux_weight * (CE(k(true), their c) + CE(k(false), their c)), with the
    logits s of the source and k of the class. W = mean s(true) - mean s(false) is a difference of logits: it grows with
    the difference of the images but is no Wasserstein distance.

    True and false images take separate forwards: batch norm and dropout make an image's score depend on its batch.
    """
    (source_true, class_true), (source_false, class_false) = critic(true[0]), critic(false[0])
    source = softplus(-source_true).mean() + softplus(source_false).mean()
    auxiliary = cross_entropy(class_true, true[1]) + cross_entropy(class_false, false[1])
    return {"L": source + aux_weight * auxiliary, "W": source_true.mean() - source_false.mean()}


def generator_loss(
    discriminator: nn.Module, connector: nn.Module | None, fake: Tensor, labels: Tensor, rho: float, aux_weight: float
) -> Tensor:
    """Return the loss of G_i: BCE(s_D, 1) + aux_weight * CE(k_D, c) + rho * BCE(s_C, 1). `fake` is G_i(z, c)."""
    source, classes = discriminator(fake)
    loss = softplus(-source).mean() + aux_weight * cross_entropy(classes, labels)
    return loss if connector is None else loss + rho * softplus(-connector(fake)[0]).mean()


class Acgan:
    """ACGAN as a base of the OKD structure (see `okd.Base`). Classes of fakes are drawn uniformly."""

    def __init__(self, s: AcganSettings, classes: int) -> None:
        self.generator = partial(Generator, s.width, s.z, classes)
        self.critic = partial(Discriminator, s.width, classes, s.dropout)
        self.z, self.classes, self.aux_weight, self.conditional = s.z, classes, s.aux_weight, True
        self.critic_steps = [self._critic_loss]

    def latent(self, count: int, device: torch.device) -> Labelled:
        """Draw standard normal noise (count, z) and uniform classes (count,)."""
        noise = torch.randn(count, self.z, device=device)
        return noise, torch.randint(self.classes, (count,), device=device)

    def generate(self, generator: nn.Module, noise: Tensor, labels: Tensor) -> Tensor:
        """Return images (B, 3, 64, 64) of noise (B, z) and classes (B,)."""
        return generator(noise, labels)

    def generator_loss(
        self, discriminator: nn.Module, connector: nn.Module | None, fake: Tensor, labels: Tensor, rho: float
    ) -> Tensor:
        """Return the loss of G_i with the run's weights."""
        return generator_loss(discriminator, connector, fake, labels, rho, self.aux_weight)

    def _critic_loss(self, critic: nn.Module, true: Labelled, false: Labelled) -> dict[str, Tensor]:
        return critic_loss(critic, true, false, self.aux_weight)
