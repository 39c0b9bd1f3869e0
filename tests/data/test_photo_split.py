import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from advkd.data.photo_split import groups_of, split_groups


def split(groups, kinds, fraction=0.5, seed=0):
    return split_groups(groups, kinds, fraction, np.random.SeedSequence(seed))


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(
    st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=20))))  # fmt: skip
def test_groups_are_the_components_of_the_graph_of_pairs(case):
    count, pairs = case
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    matrix = coo_matrix((np.ones(len(pairs)), (first, second)), (count, count))
    found, labels = connected_components(matrix, directed=False)
    groups = groups_of(count, pairs)
    assert len(set(groups)) == found == len(set(zip(groups, labels.tolist(), strict=True)))
    assert list(dict.fromkeys(groups)) == list(range(found))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab")), min_size=1, max_size=30),
    st.sampled_from([0.2, 0.5]),
    st.integers(0, 9),
)
def test_every_photo_is_in_one_part_with_its_group(photos, fraction, seed):
    groups = {index: group for index, (group, _) in enumerate(photos)}
    kinds = {index: kind for index, (_, kind) in enumerate(photos)}
    first, second = split(groups, kinds, fraction, seed)
    assert sorted(first + second) == list(range(len(photos))) and first
    assert not {groups[index] for index in first} & {groups[index] for index in second}
    assert (first, second) == split(groups, kinds, fraction, seed)


@pytest.mark.parametrize(("fraction", "of_a", "of_b"), [(0.5, 10, 4), (0.2, 4, 2), (0.01, 1, 1)])
def test_every_kind_is_divided_alike(fraction, of_a, of_b):
    kinds = dict.fromkeys(range(20), "a") | dict.fromkeys(range(20, 28), "b")
    _, second = split({index: index for index in kinds}, kinds, fraction)
    assert sum(kinds[index] == "a" for index in second) == of_a
    assert sum(kinds[index] == "b" for index in second) == of_b


def test_a_kind_of_one_group_is_trained_on():
    first, second = split({0: 0, 1: 0, 2: 1, 3: 2}, {0: "a", 1: "a", 2: "b", 3: "b"})
    assert {0, 1} <= set(first) and len(second) == 1


def test_seeds_differ():
    groups, kinds = {index: index for index in range(40)}, dict.fromkeys(range(40), "a")
    assert split(groups, kinds, seed=0) != split(groups, kinds, seed=1)
