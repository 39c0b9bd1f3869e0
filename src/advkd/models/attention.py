"""Self-attention over the positions of a feature map: Eqs. 1-4 of the OKD-SAGAN paper.

Choices:
    - [okd: Eqs. 2, 3] Printed: beta normalised over i, then summed over j. Here: softmax over the summed index j. Why:
      otherwise the weights do not sum to 1; this equals SAGAN's attention after a transposition.
    - [okd] Open: width of attention's queries and keys. Here: an eighth of the channels, at least 1. Why: SAGAN's.
    - [okd] Open: pooling of keys, a scale 1/sqrt(d), a projection or spectral norm in attention. Here: none. Why: as in
      the public 64-pixel port of SAGAN, whose layers match the paper's equations.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SelfAttention(nn.Module):
    """Adds to each position of a map a weighted sum over all positions.

        y_i = gamma o_i + x_i    o_i = sum_j beta_ij h(x_j)    beta_ij = softmax_j(f(x_i) . g(x_j))

    f, g and h are 1x1 convolutions. The scalar gamma is trained and starts at 0, so the block starts as the identity.

    Args:
        channels: channels C of the map.
        fused: whether the weights are never kept as a whole. It gives the same up to rounding, and is faster for few
            channels; but it cannot be differentiated twice, as the critics' gradient penalty does.
    """

    def __init__(self, channels: int, fused: bool = False) -> None:
        super().__init__()
        self.fused = fused
        inner = max(1, channels // 8)
        self.query = nn.Conv2d(channels, inner, 1)  # f
        self.key = nn.Conv2d(channels, inner, 1)  # g
        self.value = nn.Conv2d(channels, channels, 1)  # h
        self.gamma = nn.Parameter(torch.zeros(()))

    def weights(self, x: Tensor) -> Tensor:
        """Return beta (B, N, N) of a map (B, C, H, W) with N = H * W positions: rows i, columns j; rows sum to 1."""
        query, key = self.query(x).flatten(2), self.key(x).flatten(2)  # (B, C', N)
        return (query.transpose(1, 2) @ key).softmax(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if self.fused:
            return self.gamma * self._fused(x) + x
        value = self.value(x).flatten(2)  # (B, C, N)
        # In this order the gradient of the weights is contiguous. value @ weights.T copies N * N numbers per image.
        attended = (self.weights(x) @ value.transpose(1, 2)).transpose(1, 2)  # (B, C, N)
        return self.gamma * attended.reshape(x.shape) + x

    def _fused(self, x: Tensor) -> Tensor:
        """Return o (B, C, H, W)."""
        query, key, value = (layer(x).flatten(2).transpose(1, 2) for layer in (self.query, self.key, self.value))
        # Queries and keys get as many channels as values, or torch would take its slow path. Zeros add nothing.
        missing = value.shape[2] - query.shape[2]
        query, key = functional.pad(query, (0, missing)), functional.pad(key, (0, missing))
        attended = functional.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], scale=1.0)
        return attended[:, 0].transpose(1, 2).reshape(x.shape)
