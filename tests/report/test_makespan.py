"""How long runs take side by side, given how long each takes: against a simulation in steps of a second."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advkd.report import plan


def runs(parents: dict[str, list[str]]):
    """Runs by name, each with the runs that it learns from."""
    return {
        name: SimpleNamespace(run=name, needs={str(i): SimpleNamespace(run=one) for i, one in enumerate(found)})
        for name, found in parents.items()
    }


CHAIN = {"student": ["teacher"], "teacher": ["start"], "start": [], "other": []}
SECONDS = {"student": 1.0, "teacher": 2.0, "start": 4.0, "other": 6.0}


def test_a_chain_is_what_waits_for_a_run():
    assert plan.chain_lengths(runs(CHAIN), SECONDS) == {"start": 7.0, "teacher": 3.0, "student": 1.0, "other": 6.0}
    finished = {name: found for name, found in CHAIN.items() if name != "teacher"}
    assert plan.chain_lengths(runs(finished), SECONDS)["start"] == 4.0, "a finished run delays no other run"


@pytest.mark.parametrize(("jobs", "expected"), [(1, 13.0), (2, 7.0), (64, 7.0)])
def test_side_by_side(jobs, expected):
    assert plan.makespan(runs(CHAIN), SECONDS, jobs) == expected
    assert plan.makespan({}, {}, jobs) == 0.0


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sets(st.integers(0, 11))), min_size=1, max_size=12), st.integers(1, 4)
)  # fmt: skip
def test_between_what_must_be_and_what_list_scheduling_may_cost(drawn, jobs):
    names = [f"{i:02}" for i in range(len(drawn))]
    parents = {
        name: [names[j] for j in sorted(before) if j < i]
        for i, (name, (_, before)) in enumerate(zip(names, drawn, strict=True))
    }
    seconds = {name: float(length) for name, (length, _) in zip(names, drawn, strict=True)}
    found = plan.makespan(runs(parents), seconds, jobs)
    longest = max(plan.chain_lengths(runs(parents), seconds).values())
    work = sum(seconds.values()) / jobs
    assert max(longest, work) <= found <= work + longest * (1 - 1 / jobs), "Graham's bound"
