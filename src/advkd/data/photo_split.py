"""Splits annotated photos for a classifier: some to train on, the others to evaluate on.

Near-duplicates, and photos of one scene, are in one part: otherwise the evaluation would measure memory.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np


def groups_of(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return for each of `count` photos the number of its group: photos that pairs lead to from one another.

    Args:
        count: the number of photos.
        pairs: indices of two photos that are alike.

    Returns:
        Numbers from 0, in the order in which the groups first occur.
    """
    leader = list(range(count))

    def find(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for first, second in pairs:
        low, high = sorted((find(first), find(second)))
        leader[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(find(index), len(numbers)) for index in range(count)]


def split_groups(
    groups: Mapping[int, int], kinds: Mapping[int, Hashable], fraction: float, seed: np.random.SeedSequence
) -> tuple[list[int], list[int]]:
    """Split photos so that every kind of photo is in both parts, as far as it has two groups.

    Args:
        groups: the group of each photo, by the photo's index. A group is not divided.
        kinds: what each photo shows, by its index. A group counts as its first photo's kind.
        fraction: the fraction of each kind's photos for the second part; met as closely as the groups allow.
        seed: the seed of the split.

    Returns:
        The sorted indices of both parts.
    """
    members: dict[int, list[int]] = {}
    for index, group in groups.items():
        members.setdefault(group, []).append(index)
    by_kind: dict[Hashable, list[list[int]]] = {}
    for photos in members.values():
        by_kind.setdefault(kinds[photos[0]], []).append(photos)
    rng = np.random.Generator(np.random.PCG64(seed))
    second: list[int] = []
    for of_kind in by_kind.values():
        order = [of_kind[number] for number in rng.permutation(len(of_kind))]
        second += _take(order, fraction * sum(map(len, of_kind)))
    chosen = set(second)
    return sorted(groups.keys() - chosen), sorted(chosen)


def _take(groups: Sequence[list[int]], target: float) -> list[int]:
    """Return the photos of groups from the front, about `target` of them; one group at least is taken and one is left.

    Where there is one group only, it is left.
    """
    taken: list[int] = []
    for number, photos in enumerate(groups[:-1]):
        if number > 0 and abs(len(taken) + len(photos) - target) > abs(len(taken) - target):
            break
        taken += photos
    return taken
