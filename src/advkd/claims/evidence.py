"""Decides the tests of paper/evidence.yaml from finished runs: holds, fails, or open.

The plan says how. A difference here is always in the direction of the claim: above 0, `better` is better.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from advkd.artifacts.seed_results import SeedResults, join_seeds
from advkd.claims.predicates.base import Quantity
from advkd.claims.published import PublishedNumbers
from advkd.metrics.effect import Effect, Sample, contrast, detectable, holm, seeds_needed
from advkd.runs.stores import DataChecks
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.evidence_plan import Contrast, Plan, load_plan
from advkd.settings.names import PAPERS, Run
from advkd.settings.user import User

ALPHA = 0.05


class Outcome(StrEnum):
    """What a test says of its claim."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Decision:
    """The outcome of one contrast, and the numbers behind it.

    Attributes:
        contrast: the test.
        outcome: what it says of the claim.
        reason: why, in words.
        differences: by seed, how much better `better` is, in the metric's unit; seeds whose two runs are done.
        effect: their mean with its error; None with fewer than two.
        p: two-sided p-value, corrected for the contrasts of the paper; None where there is none.
        reach: half the width of the corrected interval.
        margin: the smallest difference that would matter, in the metric's unit.
        detectable: the difference that so many seeds show with a power of 0.8.
        needed: how many seeds would decide, if mean and spread are as seen; None: more than 1,000.
        published: the paper's difference in the direction of the claim; None where the paper prints none.
    """

    contrast: Contrast
    outcome: Outcome
    reason: str
    differences: dict[int, float]
    effect: Effect | None = None
    p: float | None = None
    reach: float | None = None
    margin: float | None = None
    detectable: float | None = None
    needed: int | None = None
    published: float | None = None


@dataclass(frozen=True)
class _Paired:
    """The runs of a contrast, joined by seed."""

    contrast: Contrast
    better: SeedResults
    than: SeedResults

    @property
    def differences(self) -> dict[int, float]:
        """By seed, how much better `better` is; seeds with both numbers."""
        metric, sign = self.contrast.metric, -1 if self.contrast.direction == "lower" else 1
        found = {}
        for seed in sorted(self.better.metrics.keys() & self.than.metrics.keys()):
            ours, theirs = (side.metrics[seed]["values"].get(metric) for side in (self.better, self.than))
            if ours is not None and theirs is not None:
                found[seed] = sign * (ours - theirs)
        return found

    @property
    def margin(self) -> float:
        """The margin in the metric's unit."""
        text = self.contrast.margin
        if not text.endswith("%"):
            return float(text)
        return float(text[:-1]) / 100 * abs(statistics.fmean(self.than.values(self.contrast.metric)))


def decide_all(user: User, plan: Plan | None = None) -> list[Decision]:
    """Return the decision of every contrast, in the order of the plan."""
    plan = plan or load_plan()
    decided: dict[str, Decision] = {}
    for paper in PAPERS:
        pairs = [_join(one, plan, user) for one in plan.contrasts if one.paper == paper]
        decided |= {decision.contrast.id: decision for decision in decide(pairs)}
    return [decided[one.id] for one in plan.contrasts]


def _join(one: Contrast, plan: Plan, user: User) -> _Paired:
    seeds = range(user.seeds or plan.seeds)
    sides = []
    for group in (one.better, one.than):
        runs = [config.resolve(Run.parse(f"{group}/seed{seed}"), user) for seed in seeds]
        sides.append(join_seeds(runs, one.metric))
    return _Paired(one, *sides)


def decide(pairs: Sequence[_Paired]) -> list[Decision]:
    """Decide the contrasts of one paper together: their p-values are corrected for their number."""
    effects = [_effect(pair.differences) for pair in pairs]
    # A contrast without a p-value counts as one that rejects nothing, so that the number of tests is the plan's.
    p_values = [1.0 if effect is None or (p := effect.p()) is None else p for effect in effects]
    corrected = holm(p_values)
    return [
        _decide(pair, effect, p, 1 - ALPHA / len(pairs))
        for pair, effect, p in zip(pairs, effects, corrected, strict=True)
    ]


def data_cautions(user: User, plan: Plan) -> list[str]:
    """Return which finished runs of the plan were trained on other images than those of today, each data set once."""
    done: list[Resolved] = []
    for one in plan.contrasts:
        pair = _join(one, plan, user)
        for side in (pair.better, pair.than):
            done += [run for run in side.runs if run.run.seed in side.metrics]
    return DataChecks(user).cautions(done)


def _effect(differences: dict[int, float]) -> Effect | None:
    if len(differences) < 2:
        return None
    return contrast((1,), (Sample.from_values(list(differences.values())),))


def _decide(pair: _Paired, effect: Effect | None, p: float, level: float) -> Decision:
    published = _published(pair.contrast)
    for side, name in ((pair.better, pair.contrast.better), (pair.than, pair.contrast.than)):
        if side.ended:
            outcome = Outcome.FAILS if side is pair.better else Outcome.OPEN
            reason = f"{name} {side.ended}"
            return Decision(pair.contrast, outcome, reason, pair.differences, published=published)
    if effect is None:
        lacking = f"{len(pair.differences)} of {len(pair.better.runs)} seeds have both runs"
        return Decision(pair.contrast, Outcome.NOT_RUN, lacking, pair.differences, published=published)
    low, high = effect.interval(level)
    outcome, reason = _outcome(effect, p, high, pair.margin)
    return Decision(
        pair.contrast,
        outcome,
        reason,
        pair.differences,
        effect,
        p,
        (high - low) / 2,
        pair.margin,
        detectable(effect),
        seeds_needed(abs(effect.estimate), effect.variances),
        published,
    )


def _outcome(effect: Effect, p: float, high: float, margin: float) -> tuple[Outcome, str]:
    if p < ALPHA:
        holds = effect.estimate > 0
        return (Outcome.HOLDS, "significant") if holds else (Outcome.FAILS, "significant in the other direction")
    if high < margin:
        return Outcome.FAILS, "an improvement as large as the margin is excluded"
    return Outcome.OPEN, "neither a difference nor its absence is shown"


def _published(one: Contrast) -> float | None:
    """Return the paper's difference in the direction of the claim. No paper prints KID."""
    numbers = [PublishedNumbers().number(Quantity(group, one.metric)).sample for group in (one.better, one.than)]
    ours, theirs = numbers
    if ours is None or theirs is None:
        return None
    return (theirs.mean - ours.mean) if one.direction == "lower" else (ours.mean - theirs.mean)
