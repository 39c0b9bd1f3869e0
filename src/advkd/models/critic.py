"""AI-KD's critic: two fully-connected layers on logits (Kim et al., section 4.2).

Choices:
    - [aikd] Open: one score from the critic's 32 outputs. Here: their mean (`critic_output`). Why: the paper speaks of
      E[.] of a batch and describes no third layer.
    - [aikd] Open: LeakyReLU's slope. Here: as usual in GANs (`critic_slope`).
"""

from types import SimpleNamespace

from torch import Tensor, nn


class Critic(nn.Module):
    """FC(C -> fc1), batch norm, LeakyReLU, FC(fc1 -> fc2); 8,672 parameters at C = 100, 64 and 32.

    `critic_output` mean or sum reduces the outputs to one score; layer adds an FC(fc2 -> 1).

    Args:
        classes: C.
        s: `fc1`, `fc2`, `critic_norm`, `critic_slope`, `critic_output` (`advkd.aikd_settings`).
    """

    def __init__(self, classes: int, s: SimpleNamespace) -> None:
        super().__init__()
        norm = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "none": lambda _: nn.Identity()}[s.critic_norm]
        layers = [nn.Linear(classes, s.fc1), norm(s.fc1), nn.LeakyReLU(s.critic_slope), nn.Linear(s.fc1, s.fc2)]
        if s.critic_output == "layer":
            layers.append(nn.Linear(s.fc2, 1))
        self.layers = nn.Sequential(*layers)
        self.output = s.critic_output

    def forward(self, samples: Tensor, scalar: str | None = None) -> Tensor:
        """Return scores (B,) of logits or probabilities (B, C); `scalar` overrides how outputs make one score."""
        found = self.layers(samples)
        return found.sum(1) if (scalar or self.output) == "sum" else found.mean(1)
