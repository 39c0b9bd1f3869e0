"""The AUC of a critic's scores, against scikit-learn's."""

import pytest
import torch
from sklearn.metrics import roc_auc_score

from advkd.methods.auc import auc


@pytest.mark.parametrize("seed", range(3))
def test_it_is_scikit_learns(seed):
    generator = torch.Generator().manual_seed(seed)
    true = torch.randint(0, 9, (17,), generator=generator).float()  # with ties
    false = torch.randint(-4, 6, (23,), generator=generator).float()
    expected = roc_auc_score([1] * 17 + [0] * 23, torch.cat([true, false]))
    assert auc(true, false).item() == pytest.approx(expected, rel=1e-6)


def test_a_blind_critic_has_a_half_and_has_no_graph():
    scores = torch.zeros(5, requires_grad=True)
    separation = auc(scores, scores)
    assert separation.item() == 0.5 and not separation.requires_grad
