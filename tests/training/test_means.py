"""Means over an epoch's batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from advkd.training.means import Means

BATCHES = st.lists(st.tuples(st.integers(1, 500), st.floats(-10, 10), st.floats(0, 1)), min_size=1, max_size=12)


@given(BATCHES)
def test_means_weigh_unequal_batches_by_their_images(batches):
    means = Means()
    for images, loss, error in batches:
        means.add("real", ["L", "error"], torch.tensor([loss, error], dtype=torch.float64), images)
    counts, *terms = np.array(batches).T
    expected = [np.average(values, weights=counts) for values in terms]
    assert means.values() == pytest.approx(dict(zip(("L", "error"), expected, strict=True)))


def test_kinds_of_steps_have_means_of_their_own_and_the_later_kind_s_name_counts():
    means = Means()
    for images, loss, kd in ((4, 1.0, 8.0), (2, 4.0, 2.0)):
        means.add("synthetic", ["L", "L_KD"], torch.tensor([loss, kd]), images)
    assert means.values() == {"L": 2.0, "L_KD": 6.0}
    for images, loss, error in ((128, 3.0, 0.5), (80, 5.0, 0.25)):
        means.add("real", ["L", "error"], torch.tensor([loss, error]), images)
    found = means.values()
    assert found == pytest.approx({"L": (128 * 3 + 80 * 5) / 208, "L_KD": 6.0, "error": (64 + 20) / 208})
    assert list(found) == ["L", "L_KD", "error"], "the order of the history's columns"


def test_the_terms_handed_over_stay_what_they_are():
    means, terms = Means(), torch.tensor([1.0, 2.0])
    for _ in range(3):
        means.add("real", ["a", "b"], terms, 5)
    assert terms.tolist() == [1, 2] and means.values() == {"a": 1.0, "b": 2.0}


def test_sums_survive_a_checkpoint(tmp_path):
    random = torch.Generator().manual_seed(0)
    straight, before = Means(), Means()
    for step in range(9):
        terms = torch.rand(2, generator=random)
        for means in (straight, before):
            means.add("synthetic" if step < 4 else "real", ["L", "b"], terms, 3 + step)
        if step == 5:
            torch.save(before.state(), tmp_path / "state.pt")
            state = torch.load(tmp_path / "state.pt", weights_only=True)
            before = Means.restored(state, torch.device("cpu"))
    assert straight.values() == before.values()
    assert Means.restored(Means().state(), torch.device("cpu")).values() == {}
