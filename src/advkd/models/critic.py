"""AI-KD's critic: two fully-connected layers on logits (Kim et al., section 4.2).

Choices:
    - [aikd] Open: one score from the critic's 32 outputs. Here: their mean (`critic_output`). Why: the paper speaks of
      E[.] of a batch and describes no third layer.
    - [aikd] Open: LeakyReLU's slope. Here: as usual in GANs (`critic_slope`).
"""

from torch import Tensor, nn


class Critic(nn.Module):
    """FC(C -> fc1), normalisation, LeakyReLU, FC(fc1 -> fc2); 8,672 parameters at C = 100, 64 and 32.

    Args:
        classes: C, the length of a logit vector.
        fc1: outputs of the first layer.
        fc2: outputs of the second layer.
        norm: normalisation behind the first layer: "batch", "layer" or "none".
        slope: of LeakyReLU below 0.
        output: how the fc2 outputs become one score: "mean", "sum", or "layer", a third layer FC(fc2 -> 1).
    """

    def __init__(
        self,
        classes: int,
        fc1: int = 64,
        fc2: int = 32,
        *,
        norm: str = "batch",
        slope: float = 0.2,
        output: str = "mean",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(classes, fc1)]
        if norm == "batch":
            layers.append(nn.BatchNorm1d(fc1))
        elif norm == "layer":
            layers.append(nn.LayerNorm(fc1))
        else:
            layers.append(nn.Identity())
        layers += [nn.LeakyReLU(slope), nn.Linear(fc1, fc2)]
        if output == "layer":
            layers.append(nn.Linear(fc2, 1))
        self.layers = nn.Sequential(*layers)
        self.output = output

    def forward(self, samples: Tensor, scalar: str | None = None) -> Tensor:
        """Return scores (B,) of logits or probabilities (B, C); `scalar` overrides how outputs become one score."""
        outputs: Tensor = self.layers(samples)
        return outputs.sum(1) if (scalar or self.output) == "sum" else outputs.mean(1)
