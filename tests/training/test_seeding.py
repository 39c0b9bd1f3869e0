import torch
from hypothesis import given
from hypothesis import strategies as st

from advkd.training import seeding


@given(st.integers(0, 5), st.integers(4, 40), st.integers(2, 4))
def test_every_pass_shows_each_image_at_most_once_and_drops_only_the_short_batch(seed, count, batch):
    steps = count // batch
    seen = torch.cat([seeding.batch_indices(seed, step, count, batch) for step in range(steps)])
    assert len(seen) == steps * batch and len(seen.unique()) == len(seen)
    assert seen.min() >= 0 and seen.max() < count


def test_order_depends_on_seed_and_pass_alone():
    first = seeding.batch_indices(0, 0, 100, 100)
    assert torch.equal(first, seeding.batch_indices(0, 0, 100, 100))
    assert not torch.equal(first, seeding.batch_indices(0, 1, 100, 100)), "the next pass"
    assert not torch.equal(first, seeding.batch_indices(1, 0, 100, 100)), "another seed"


def test_purposes_are_independent():
    names = [("step", 1), ("step", 11), ("order", 1), ("samples",)]
    found = {seeding.derive(seed, *name) for seed in (0, 1, 11) for name in names}
    assert len(found) == 12 and all(0 <= value < 2**63 for value in found)
