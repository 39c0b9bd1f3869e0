"""The gradient penalty of WGAN-GP, which SAGAN's critics and AI-KD's share."""

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_penalty(critic: Callable[[Tensor], Tensor], a: Tensor, b: Tensor, eps: Tensor) -> Tensor:
    """Return the mean of (|grad F(x)| - 1)^2 at x = eps * b + (1 - eps) * a: WGAN-GP (Gulrajani et al., 2017).

    Args:
        critic: F, from samples (B, ...), images or logits, to scores (B,). WGAN-GP means one sample at a time; the
            batch norm of AI-KD's critic makes every gradient depend on the whole batch.
        a: samples (B, ...), without graph.
        b: samples of the same shape, without graph.
        eps: one weight in [0, 1] for each sample, (B, 1, ..., 1).

    The norm is over all components of a sample. Where the gradient is zero, the norm's derivative is 0, not NaN.
    """
    x = (eps * b + (1 - eps) * a).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(2, dim=1) - 1).square().mean()
