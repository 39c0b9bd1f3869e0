"""The Kullback-Leibler divergence of distillation."""

from torch import Tensor
from torch.nn import functional as F


def divergence(target: Tensor, logits: Tensor, tau: float, reduction: str = "batchmean") -> Tensor:
    """Return tau^2 KL(softmax(target / tau) || softmax(logits / tau)), 0-d (AI-KD, Eqs. 2, 4 and 5).

    Args:
        target: logits (B, C) of the teacher, without graph.
        logits: logits (B, C) of the student.
        tau: temperature, above 0.
        reduction: "batchmean" sums over classes and averages over images; "elementwise" averages over both, which is
            C times smaller (TF-KD's public code).
    """
    return kl(F.log_softmax(target / tau, 1), F.log_softmax(logits / tau, 1), reduction).mul(tau**2)


def kl(target: Tensor, predicted: Tensor, reduction: str = "batchmean") -> Tensor:
    """Return KL(exp(target) || exp(predicted)) of log-probabilities (B, C), reduced as in `divergence`."""
    summed = F.kl_div(predicted, target, reduction="batchmean", log_target=True)
    return summed / predicted.shape[1] if reduction == "elementwise" else summed
