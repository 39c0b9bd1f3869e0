"""What the loop relies on, for every method of a classifier."""

import pytest
import torch
from trainings import distinct_values, make_training

from advkd.methods.settings.base import registered

CLASSIFIERS = [(paper, method) for paper in ("aikd", "gip") for method in registered(paper)]


@pytest.mark.parametrize(
    ("paper", "method", "changes"),
    [*((paper, method, {}) for paper, method in CLASSIFIERS), ("aikd", "aikd", {"previous_source": "table"})],
)
def test_only_the_loss_has_a_graph(paper, method, changes):
    """Terms and remembered tensors with a graph would keep every step's activations in memory."""
    training = make_training(paper, method, distinct_values(paper, method) | changes)
    method = training.method
    training.begin_epoch(1)
    for step in range(2):
        results = [method.synthetic_loss()] if method.synthetic_steps else []
        if method.sees_real:
            results.append(method.loss(training.load(torch.arange(6), step)))
        for loss, terms in results:
            assert loss.requires_grad and loss.ndim == 0
            assert terms and all(term.ndim == 0 and not term.requires_grad for term in terms.values())
            loss.backward()
        assert not any(tensor.requires_grad for tensor in method.tensors.values())


@pytest.mark.parametrize(("paper", "method"), CLASSIFIERS)
def test_a_step_loads_groups_of_images_the_drawn_ones_first(paper, method):
    """Mixup and CutMix treat all groups alike, and tell them apart by their number."""
    method = make_training(paper, method, distinct_values(paper, method)).method
    drawn = torch.tensor([7, 0, 3, 11])
    chosen = method.choose(drawn, torch.Generator().manual_seed(0))
    assert len(chosen) == method.groups * len(drawn)
    assert torch.equal(chosen[: len(drawn)], drawn)
