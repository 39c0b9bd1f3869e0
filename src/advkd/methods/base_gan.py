"""What an ensemble of GANs asks of the GAN that it is made of: SAGAN or ACGAN."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

Pair = tuple[Tensor, Tensor | None]  # images (or noise) and, if the base GAN is conditional, their classes
# Computes the loss "L" of one critic step, and terms to log ("W", "AUC", "GP"), from the critic, the images that it
# should score high, and those that it should score low.
CriticStep = Callable[[nn.Module, Pair, Pair], dict[str, Tensor]]


class Base(Protocol):
    """What the ensemble asks of a base GAN. Discriminators and connectors are both critics.

    Attributes:
        critic_steps: the losses of a critic, one for each step of its optimizer.
        conditional: whether generators take a class.
    """

    critic_steps: list[CriticStep]
    conditional: bool

    def generator(self) -> nn.Module:
        """Make a generator."""

    def critic(self) -> nn.Module:
        """Make a critic."""

    def latent(self, count: int, device: torch.device) -> Pair:
        """Draw a generator's input."""

    def generate(self, generator: nn.Module, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Return a generator's images."""

    def generator_loss(
        self, discriminator: nn.Module, connector: nn.Module | None, fake: Tensor, labels: Tensor | None, rho: float
    ) -> Tensor:
        """Return a generator's loss on its images `fake`."""
