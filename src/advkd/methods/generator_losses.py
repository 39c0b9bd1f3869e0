"""The losses of GIP's generator: L_OH, L_IE, L_ACT and L_BNS (Eqs. 11 to 15).

All are computed from one forward of the teacher on n synthetic images: logits y (n, C), features f (n, F) before the
last layer, and the statistics of its batch norms' inputs. The first three losses are DAFL's, the last is GDFQ's. Where
their code and the paper's equations differ by a factor, a setting chooses the form.

Choices:
    - [gip: Eq. 12] Printed: L_IE with 1/k and the natural logarithm, of the average logit. Here: sum p log10 p of the
      average softmax p (`ie_form`). Why: DAFL's code, whose beta = 5 is taken over; Eq. 12 is 43 times smaller for 100
      classes. p log p needs probabilities.
    - [gip: DAFL] Published: L_IE is NaN where a class has no probability left (a logit more than 104 below the largest
      on all images), also at beta = 0, since 0 times NaN is NaN. Here: 0 log 0 is 0, and a loss of weight 0 is not
      computed (`ie_form`). Why: so no row of Table 5 without L_IE can end at 1.00 % by NaN; the variants with DAFL's
      form can.
    - [gip: Eq. 14] Printed: L1 norm of the features; the sign is missing in our copy. Here: minus the mean of their
      absolute values (`act_form`). Why: DAFL's code, whose gamma = 0.1 is taken over; the norm is 512 times
      larger. "Images with a high activation value".
    - [gip: Eq. 15] Printed: squared L2 norms, summed over the layers, of mu and sigma. Here: means over channels, then
      over layers, of mu and sigma^2 (`bns_reduction`, `bns_moment`). Why: GDFQ's code, and "means and variances"; the
      sums are about 8,500 times larger for ResNet-34.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from advkd.methods.observed import Statistics


def one_hot(logits: Tensor) -> Tensor:
    """Return L_OH, Eq. 11: the cross-entropy of the teacher's logits (n, C) with the class that it predicts."""
    return F.cross_entropy(logits, logits.detach().argmax(1))


def information_entropy(logits: Tensor, form: str) -> Tensor:
    """Return L_IE, Eq. 12: minus the entropy of the mean prediction p. It is least if all classes are equally likely.

    Args:
        logits: logits (n, C) of the teacher.
        form: "code": sum p log10 p, at least -log10(C), with 0 log 0 = 0; "equation": 1/C sum p ln p; "dafl": as
            "code", but NaN where p is 0, as DAFL's code has it.
    """
    mean = logits.softmax(1).mean(0)
    if form == "dafl":
        return (mean * mean.log10()).sum()
    # For a class without images this gives 0 log 0 = 0, with a finite gradient.
    terms = mean * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
    return terms.mean() if form == "equation" else terms.sum() / math.log(10)


def activation(features: Tensor, form: str) -> Tensor:
    """Return L_ACT, Eq. 14: minus the size of the features, since real images give the teacher large ones.

    Args:
        features: features (n, F) before the teacher's last layer.
        form: "code": their mean absolute value, as DAFL computes it; "equation": the L1 norm of an image's features.
    """
    size = features.abs()
    return -(size.mean() if form == "code" else size.sum(1).mean())


def batch_norm_statistics(
    synthetic: Statistics, kept: Statistics, reduction: str = "mean", moment: str = "variance"
) -> Tensor:
    """Return L_BNS, Eq. 15, 0-d: the squared distance between batch-norm statistics.

    Args:
        synthetic: statistics of the batch norms' inputs on synthetic images.
        kept: the teacher's running statistics.
        reduction: "mean": mean over the channels of a layer, then over layers, as GDFQ computes it; "sum": sums over
            both, as in the equation.
        moment: what is compared besides the mean: "variance", or "deviation", its square root.
    """
    shares = kept.shares
    if moment == "deviation":
        # The square root's gradient is infinite at 0, where a channel is constant.
        synthetic = synthetic.with_second(synthetic.second.clamp_min(1e-12).sqrt())
        kept = kept.with_second(kept.second.clamp_min(1e-12).sqrt())
    squares = (synthetic.mean - kept.mean).square() + (synthetic.second - kept.second).square()
    if reduction == "sum":
        return squares.sum()
    return (squares * shares).sum()
