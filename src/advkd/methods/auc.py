"""How well a critic tells two kinds of samples apart: what shows a critic that sees nothing."""

from torch import Tensor


def auc(true: Tensor, false: Tensor) -> Tensor:
    """Return how well scores tell samples apart, 0-d: the area under the ROC curve.

    It is the share of pairs of a true and a false sample in which the true one has the higher score; a tie counts half.
    A critic that sees no difference has 0.5.

    Args:
        true: scores (A,) of samples that the critic should score high.
        false: scores (B,) of those that it should score low.
    """
    differences = true.detach()[:, None] - false.detach()
    return (differences.sign().mean() + 1) / 2
