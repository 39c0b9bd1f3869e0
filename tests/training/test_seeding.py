import torch
from hypothesis import given
from hypothesis import strategies as st

from advkd.settings import catalog, config
from advkd.training.seeding import Streams

PURPOSES = [("initialisation",), ("order", 0), ("views", 0), ("companions", 0), ("step", 0), ("synthetic", 0)]


@given(st.integers(0, 5), st.integers(4, 40), st.integers(2, 4))
def test_every_pass_shows_each_image_at_most_once_and_drops_only_the_short_batch(seed, count, batch):
    steps = count // batch
    seen = torch.cat([Streams(seed).batch_indices(step, count, batch) for step in range(steps)])
    assert len(seen) == steps * batch and len(seen.unique()) == len(seen)
    assert seen.min() >= 0 and seen.max() < count


def test_order_depends_on_seed_generation_and_pass_alone():
    first = Streams(0).batch_indices(0, 100, 100)
    assert torch.equal(first, Streams(0).batch_indices(0, 100, 100))
    assert not torch.equal(first, Streams(0).batch_indices(1, 100, 100)), "the next pass"
    assert not torch.equal(first, Streams(1).batch_indices(0, 100, 100)), "another seed"
    assert not torch.equal(first, Streams(0, 1).batch_indices(0, 100, 100)), "another generation"


def test_purposes_seeds_and_generations_are_independent():
    names = [("step", 1), ("step", 11), ("order", 1), ("samples",)]
    streams = [Streams(seed, generation) for seed in (0, 1, 11, 1000) for generation in (0, 1, 11)]
    values = {stream.derive(*name) for stream in streams for name in names}
    assert len(values) == len(streams) * len(names) and all(0 <= value < 2**63 for value in values)


def test_runs_without_parents_keep_the_numbers_of_version_0_1_0():
    """The first 8 bytes of SHA-256 of "3/order/7" (from sha256sum), without their lowest bit."""
    assert Streams(3).derive("order", 7) == 0xE93D4E89E9DACE1C >> 1


def test_no_parent_and_child_of_the_catalogue_share_a_random_number():
    user = config.user({"scale": "paper"})
    pairs = 0
    for child in catalog.all_runs(user).values():
        for parent in child.parents.values():
            pairs += 1
            own = Streams(child.typed.seed, child.generation)
            theirs = Streams(parent.typed.seed, parent.generation)
            for purpose in PURPOSES:
                assert own.derive(*purpose) != theirs.derive(*purpose), (child.run, parent.run)
            assert child.generation > parent.generation
    assert pairs > 400, "all students of AI-KD and GIP, and ReActNet's second steps"


def test_seeds_of_a_generation_are_paired_between_methods():
    user = config.user({"scale": "paper"})
    for methods in (("gip", "kd", "dafl"), ("aikd", "tfkd")):
        paper = "gip" if "gip" in methods else "aikd"
        model = {"gip": "resnet18", "aikd": "preact_resnet18"}[paper]
        names = [f"{paper}/cifar100/{model}/{method}/seed2" for method in methods]
        assert {config.resolve(name, user).generation for name in names} == {1}
