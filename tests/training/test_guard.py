"""The first step with a non-finite loss, whatever kinds of steps there are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advkd.training.diverged import Diverged
from advkd.training.guard import Guard, check_weights

CPU = torch.device("cpu")
NAN, INF = float("nan"), float("inf")
KINDS = {"synthetic": ("L", "L_KD"), "real": ("L", "error", "CE")}


def terms(kind, *values):
    return dict(zip(KINDS[kind], map(torch.tensor, values), strict=True))


def watched(steps, per_epoch=None, total=20, start=0):
    """A guard that saw `steps`, each (kind, values)."""
    guard = Guard(total, CPU, per_epoch)
    for number, (kind, *values) in enumerate(steps, start):
        guard.watch(number, terms(kind, *values))
    return guard


def test_finite_terms_pass_and_come_back_stacked():
    guard = Guard(9, CPU, 3)
    found = guard.watch(0, {"L": torch.tensor(1.5, requires_grad=True), "b": torch.tensor(2.0)})
    assert found.tolist() == [1.5, 2.0] and not found.requires_grad
    guard.check()


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(("kind", "at"), [("synthetic", 0), ("synthetic", 4), ("real", 2), ("real", 6)])
def test_the_first_failing_step_and_its_terms_win(kind, at, value):
    steps = [("synthetic", 1.0, 2.0), ("synthetic", 3.0, 4.0), ("real", 5.0, 6.0, 7.0), ("real", 8.0, 9.0, 10.0)] * 2
    steps[at] = (kind, *steps[at][1:-1], value)
    for later in range(at + 1, len(steps)):
        steps[later] = (steps[later][0], *(INF for _ in steps[later][1:]))
    with pytest.raises(Diverged) as caught:
        watched(steps, 4).check()
    assert caught.value.when == {"epoch": at // 4 + 1, "step": at + 1}
    expected = [repr(float(one)) for one in steps[at][1:]]
    assert caught.value.terms == dict(zip(KINDS[kind], expected, strict=True))


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.booleans()), min_size=1, max_size=10))
def test_any_order_of_kinds(sequence):
    steps = [(kind, *[float(number)] * (len(KINDS[kind]) - 1), INF if bad else 0.0)
             for number, (kind, bad) in enumerate(sequence)]  # fmt: skip
    first = next((number for number, (_, bad) in enumerate(sequence) if bad), None)
    guard = watched(steps, 3, total=len(steps))
    if first is None:
        guard.check()
        return
    with pytest.raises(Diverged) as caught:
        guard.check()
    kind = sequence[first][0]
    assert caught.value.when == {"epoch": first // 3 + 1, "step": first + 1}
    assert next(iter(caught.value.terms.items())) == ("L", repr(float(first)))
    assert tuple(caught.value.terms) == KINDS[kind]


def test_a_training_without_epochs_names_the_step_only():
    with pytest.raises(Diverged) as caught:
        watched([("real", 1.0, 1.0, NAN)]).check()
    assert caught.value.when == {"step": 1}


def test_a_guard_that_begins_in_the_middle():
    with pytest.raises(Diverged) as caught:
        watched([("real", 1.0, 1.0, 1.0), ("synthetic", NAN, 1.0)], 4, start=10).check()
    assert caught.value.when == {"epoch": 3, "step": 12}


def test_weights_that_are_not_finite_are_named():
    weights = {"a": torch.ones(2), "b": torch.tensor([1.0, NAN]), "c": torch.tensor(INF)}
    check_weights(5, {"a": weights["a"]})
    with pytest.raises(Diverged) as caught:
        check_weights(5, weights, 2)
    assert caught.value.when == {"epoch": 2, "step": 5} and list(caught.value.terms) == ["b", "c"]
