import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from advkd.claims.predicates import AnyPredicate
from advkd.claims.predicates.base import Quantity


def predicate(**fields):
    return TypeAdapter(AnyPredicate).validate_python(fields)


PREDICATES = [
    predicate(kind="lower", metric="m", group="a", than=["b", "c", "d"]),
    predicate(kind="some_lower", metric="m", groups=["b", "c", "d"], than="a"),
    *(predicate(kind="rank", metric="m", group="a", among=list("abcd"), order="lowest", place=p) for p in (1, 2, 3, 4)),
    predicate(kind="difference", metric="m", higher="a", lower="b", by="1.5"),
    predicate(kind="value", metric="m", group="a", equals="1.5"),
    predicate(kind="above", metric="m", groups=["a", "b"], value=0.5),
    predicate(kind="untrained", metric="m", groups=["a", "b"], below=0.5),
    predicate(kind="insensitive", metric="m", groups=["a", "b", "c"], margin=1.0),
]
IDS = [f"{example.kind}{getattr(example, 'place', '')}" for example in PREDICATES]
edges = st.floats(-3, 3).map(lambda edge: edge + 0.0)  # hypothesis has nothing between 0.0 and -0.0
bounds = st.tuples(edges, edges).map(sorted)


@pytest.mark.parametrize("example", PREDICATES, ids=IDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_decision_from_intervals_holds_for_every_point_in_them(example, data):
    """A stated number is an exception: its interval must also exclude zero, which a point does by itself."""
    (instance,) = example.instances()
    intervals = [tuple(data.draw(bounds)) for _ in instance.comparisons()]
    decision = example.decide(intervals)
    points = [data.draw(st.floats(*interval)) for interval in intervals]
    if decision is not None and example.kind not in ("difference", "value"):
        assert example.decide([(point, point) for point in points]) == decision
    if decision is False:
        assert example.decide([(point, point) for point in points]) is False


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=4, max_size=4), st.integers(1, 4))
def test_a_rank_is_the_place_in_the_sorted_list(numbers, place):
    """Equal numbers share the first place that they take."""
    rank = predicate(kind="rank", metric="m", group="a", among=list("abcd"), order="lowest", place=place)
    ahead = [(other - numbers[0],) * 2 for other in numbers[1:]]
    assert rank.decide(ahead) == (sorted(numbers).index(numbers[0]) + 1 == place)


def test_names_with_prefixes_series_and_metrics():
    rank = predicate(kind="rank", metric=["x", "y"], under=["p/d/m", "p/d/n"], group="k",
                     among=["k", "k+z={1..2..0.5}"], order="highest")  # fmt: skip
    instances = rank.instances()
    assert [(instance.under, instance.metric) for instance in instances] == [
        ("p/d/m", "x"), ("p/d/m", "y"), ("p/d/n", "x"), ("p/d/n", "y"),
    ]  # fmt: skip
    quantities = [comparison.quantities for comparison in instances[0].comparisons()]
    assert quantities == [(Quantity("p/d/m/k", "x"), Quantity(f"p/d/m/k+z={z}", "x")) for z in ("1", "1.5", "2")]
    (instance,) = predicate(kind="lower", metric="x", under=["p/d/m"], group="k y", than=["q/e/n/j"]).instances()
    assert instance.comparisons()[0].quantities == (Quantity("q/e/n/j", "x"), Quantity("p/d/m/k", "y"))
