"""What it costs to decide the tests that are open, from the times that finished runs of the same scale took."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from advkd.claims.evidence import Decision, Outcome, Pairs
from advkd.damage import attempt
from advkd.progress import duration
from advkd.report.content.tested import Tested
from advkd.runs import paces
from advkd.runs.estimates import measured
from advkd.runs.lookup import finished
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.evidence_plan import Plan
from advkd.settings.names import Run
from advkd.settings.user import User


class Cost(NamedTuple):
    """What would decide something, in words, and how long that takes on one core, in words; empty if unknown."""

    what: str
    needed: str
    time: str


def read_costs(paper: str, pairs: list[Pairs], tests: list[Tested], plan: Plan, user: User) -> list[Cost]:
    """Return what would decide the open tests of a paper, and what its controls that are not finished take."""
    pace = paces.measured(user)
    costs = []
    unfinished = [pair for pair, tested in zip(pairs, tests, strict=True) if _is_unfinished(tested)]
    if unfinished:
        runs = _with_parents(run for pair in unfinished for run in (*pair.better.runs, *pair.than.runs))
        missing = _missing(runs)
        what = "the test that is not finished" if len(unfinished) == 1 else f"the {len(unfinished)} unfinished tests"
        costs.append(Cost(what, f"{len(missing)} of {_count(runs)} are missing", _time(missing, pace)))
    for tested in tests:
        if tested.decision.outcome is Outcome.OPEN:
            costs.append(_cost_of_open(tested, pace, user))
    missing = _missing(_controls(paper, plan, user))
    if missing:
        costs.append(
            Cost(
                "what is trained after the tests, and only described",
                f"{_count(missing)} are missing",
                _time(missing, pace),
            )
        )
    return costs


def _is_unfinished(tested: Tested) -> bool:
    return tested.decision.outcome is Outcome.UNFINISHED


def _cost_of_open(tested: Tested, pace: Mapping[Run, float], user: User) -> Cost:
    decision = tested.decision
    if decision.effect is None:
        return Cost(tested.name, decision.reason, "")
    if decision.needed is None:
        return Cost(tested.name, "more than 1,000 seeds, if mean and spread are as seen", "")
    runs = _with_parents(_more_seeds(decision, user))
    needed = f"a new plan with about {decision.needed} seeds, {_count(runs)}, if mean and spread are as seen"
    return Cost(tested.name, needed, _time(runs, pace))


def _more_seeds(decision: Decision, user: User) -> list[Resolved]:
    one, seeds = decision.contrast, range(decision.needed or 0)
    return [config.resolve(f"{group}/seed{seed}", user) for group in (one.better, one.than) for seed in seeds]


def _controls(paper: str, plan: Plan, user: User) -> list[Resolved]:
    groups = [group for wave in plan.waves()[1:] for group in wave if group.startswith(f"{paper}/")]
    return _with_parents(config.resolve(f"{group}/seed{seed}", user) for group in groups for seed in range(plan.seeds))


def _with_parents(runs: Iterable[Resolved]) -> list[Resolved]:
    return list(catalog.with_parents({str(run.run): run for run in runs}).values())


def _missing(runs: Iterable[Resolved]) -> list[Resolved]:
    """Return the runs that are not finished; one that cannot be read is to be trained again."""
    return [run for run in runs if not attempt(finished, run)[0]]


def _count(runs: list[Resolved]) -> str:
    return "1 training" if len(runs) == 1 else f"{len(runs):,} trainings"


def _time(runs: list[Resolved], pace: Mapping[Run, float]) -> str:
    """Return how long runs take one after the other, as far as runs like them are finished; empty without any."""
    estimates = [measured(run, pace) for run in runs]
    known = [one.seconds for one in estimates if one and one.seconds is not None]
    if not known:
        return ""
    unknown = len(runs) - len(known)
    time = f"{duration(sum(known))} of one core"
    return f"{time} for {len(known)} of them; none like the other {unknown} is finished" if unknown else time
