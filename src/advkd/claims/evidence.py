"""Decides the tests of a plan (paper/evidence.yaml, paper/usefulness.yaml) from finished runs: holds, fails, or open.

The plan says how. A difference here is always in the direction of the claim: above 0, `better` is better.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from advkd.artifacts.seed_results import SeedResults, join_seeds, making_of
from advkd.claims.photo_intervals import METRIC, PhotoIntervals
from advkd.claims.predicates.base import Quantity
from advkd.claims.published import PublishedNumbers
from advkd.damage import attempt
from advkd.metrics.effect import Effect, Sample, contrast, detectable, holm, seeds_needed
from advkd.runs.state import Ending
from advkd.runs.stores import DataChecks
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.draws import draw_of, draws_of
from advkd.settings.evidence_plan import Contrast, Plan
from advkd.settings.names import PAPERS, Run
from advkd.settings.user import User

ALPHA = 0.05


class Outcome(StrEnum):
    """What a test says of its claim."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"
    UNFINISHED = "not finished"


@dataclass(frozen=True)
class Pairs:
    """The runs of a contrast, two for each seed of the plan.

    Attributes:
        contrast: the test.
        better: the results of the side that the claim calls better.
        than: those of the other side.
        damage: why the results cannot be read; empty if they can.
    """

    contrast: Contrast
    better: SeedResults
    than: SeedResults
    damage: str = ""

    @property
    def differences(self) -> dict[int, float]:
        """By seed, how much better `better` is; seeds with both numbers."""
        metric, sign = self.contrast.metric, -1 if self.contrast.direction == "lower" else 1
        differences = {}
        for seed in sorted(self.better.metrics.keys() & self.than.metrics.keys()):
            ours, theirs = (side.metrics[seed]["values"].get(metric) for side in (self.better, self.than))
            if ours is not None and theirs is not None:
                differences[seed] = sign * (ours - theirs)
        return differences

    @property
    def unit(self) -> str:
        """What the units of the test are, in the plural: seeds, or draws of the data."""
        return "draws" if draws_of(self.than.runs[0].run) else "seeds"

    @property
    def units(self) -> dict[str, list[int]]:
        """The seeds of each unit of the test, of those that have a difference.

        A unit is a seed. Where seeds take turns with draws of the data, it is a draw: trainings on the same images,
        with the same generators, tell nothing of other draws.
        """
        runs = {run.run.seed: run for run in self.than.runs}
        units: dict[str, list[int]] = {}
        for seed in self.differences:
            run = runs[seed]
            name = f"draw {draw_of(run.run)}" if draws_of(run.run) else f"seed {seed}"
            units.setdefault(name, []).append(seed)
        return units

    @property
    def unit_differences(self) -> dict[str, float]:
        """By unit, how much better `better` is: the mean over the unit's seeds."""
        of_seeds = self.differences
        return {name: statistics.fmean(of_seeds[seed] for seed in seeds) for name, seeds in self.units.items()}

    @property
    def margin(self) -> float:
        """The margin in the metric's unit."""
        text = self.contrast.margin
        if not text.endswith("%"):
            return float(text)
        return float(text[:-1]) / 100 * abs(statistics.fmean(self.than.values(self.contrast.metric)))

    @property
    def finished(self) -> list[Resolved]:
        """The runs of both sides that have metrics."""
        sides = (self.better, self.than)
        return [run for side in sides for run in side.runs if run.run.seed in side.metrics]

    def obstacle(self) -> tuple[Outcome, str] | None:
        """Return what stands in the way of a test, and the outcome that follows; None where nothing does."""
        if self.damage:
            return Outcome.OPEN, self.damage
        diverged = [side.status.startswith(f"{Ending.DIVERGED} ") for side in (self.better, self.than)]
        if diverged == [True, False]:
            return Outcome.FAILS, f"{self.contrast.better}: {self.better.status}"
        for side, group in ((self.better, self.contrast.better), (self.than, self.contrast.than)):
            if side.ended:
                return Outcome.OPEN, f"{group}: {side.status}"
        seeds, wanted = len(self.differences), len(self.better.runs)
        if seeds < wanted:
            return Outcome.UNFINISHED, f"{seeds} of {wanted} seeds have both runs; the plan tests them together"
        if unlike := self._unlike():
            return Outcome.OPEN, unlike
        return None

    def _unlike(self) -> str:
        """Return how the runs of a seed were made or measured on other data or by another evaluation; empty if alike.

        Their training code differs, since it is that of their methods. Generated images may join one side's training
        images, but not those that both are evaluated on.
        """
        for ours, theirs in zip(self.better.runs, self.than.runs, strict=True):
            seed = ours.run.seed
            made = making_of(ours, self.better.metrics[seed])
            other = making_of(theirs, self.than.metrics[seed])
            apart = {"code"} if ours.store == theirs.store or ours.base_store != theirs.base_store else {"code", "data"}
            for what, value in made.items():
                if what not in apart and value != other[what]:
                    return f"the two runs of seed {seed} have other {what}"
        return ""


@dataclass(frozen=True)
class Decision:
    """The outcome of one contrast, and the numbers behind it.

    Attributes:
        contrast: the test.
        outcome: what it says of the claim.
        reason: why, in words.
        differences: by seed, how much better `better` is, in the metric's unit; seeds whose two runs are done.
        published: the paper's difference in the direction of the claim; None where the paper prints none.
        effect: the mean difference with its error; None where something stands in the way of a test.
        p: two-sided p-value, corrected for the contrasts of the paper.
        level: coverage of the interval: so high that all intervals of a paper hold together with 95 %.
        margin: the smallest difference that would matter, in the metric's unit.
        detectable: the difference that the planned units show with a power of 0.8. Before the test it rests on the
            spread of the units that are finished; None where fewer than two are.
        needed: how many units would decide, if mean and spread are as seen; None: more than 1,000.
        unit: what the units of the test are, in the plural: seeds, or draws of the data.
        units: by unit, the difference; as `differences` where it is a seed.
        over_photos: the interval over resampled evaluation photos; None where the images are no crops of photos.
    """

    contrast: Contrast
    outcome: Outcome
    reason: str
    differences: dict[int, float]
    published: float | None
    effect: Effect | None = None
    p: float = 1.0
    level: float = 1 - ALPHA
    margin: float = 0.0
    detectable: float | None = None
    needed: int | None = None
    unit: str = "seeds"
    units: Mapping[str, float] = field(default_factory=dict)
    over_photos: tuple[float, float] | None = None


def join_all(plan: Plan, user: User) -> list[Pairs]:
    """Return the runs of every contrast, in the order of the plan. They are the plan's seeds, whatever a user's are."""
    joined = []
    for one in plan.contrasts:
        ours, theirs = (_runs(group, plan, user) for group in (one.better, one.than))
        sides, damage = attempt(_join, ours, theirs, one.metric)
        better, than = sides or (SeedResults(ours, {}, ""), SeedResults(theirs, {}, ""))
        joined.append(Pairs(one, better, than, damage))
    return joined


def _runs(group: str, plan: Plan, user: User) -> list[Resolved]:
    return [config.resolve(Run.parse(f"{group}/seed{seed}"), user) for seed in range(plan.seeds)]


def _join(ours: list[Resolved], theirs: list[Resolved], metric: str) -> tuple[SeedResults, SeedResults]:
    return join_seeds(ours, metric), join_seeds(theirs, metric)


def decide_all(pairs: Sequence[Pairs]) -> list[Decision]:
    """Return the decision of every contrast, in the same order."""
    decided: dict[str, Decision] = {}
    for paper in PAPERS:
        of_paper = [pair for pair in pairs if pair.contrast.paper == paper]
        decided |= {decision.contrast.id: decision for decision in _decide_paper(of_paper)}
    return [decided[pair.contrast.id] for pair in pairs]


def _decide_paper(pairs: Sequence[Pairs]) -> list[Decision]:
    """Decide the contrasts of one paper together: their p-values are corrected for their number."""
    obstacles = [pair.obstacle() for pair in pairs]
    photos = PhotoIntervals()
    effects: list[Effect | None] = []
    for pair, obstacle in zip(pairs, obstacles, strict=True):
        tested = obstacle is None
        effects.append(contrast((1,), (Sample.from_values(list(pair.unit_differences.values())),)) if tested else None)
    # A contrast that cannot be tested counts as one that shows nothing, so that the number of tests is the plan's.
    p_values = [1.0 if effect is None or (p := effect.p()) is None else p for effect in effects]
    decisions = []
    for pair, obstacle, effect, p in zip(pairs, obstacles, effects, holm(p_values), strict=True):
        if effect is None:
            outcome, reason = obstacle or (Outcome.OPEN, "")
            planned = len(draws_of(pair.than.runs[0].run)) or len(pair.than.runs)
            power = foreseen(list(pair.unit_differences.values()), planned, 1 - ALPHA / len(pairs))
            decisions.append(
                Decision(
                    pair.contrast,
                    outcome,
                    reason,
                    pair.differences,
                    _published(pair.contrast),
                    detectable=power,
                    unit=pair.unit,
                )
            )
        else:
            decisions.append(_decide(pair, effect, p, 1 - ALPHA / len(pairs), photos))
    return decisions


def foreseen(differences: Sequence[float], units: int, level: float) -> float | None:
    """Return the difference that a test shows with a power of 0.8, if its units scatter as those so far.

    None for fewer than two differences, or where they are equal.

    Args:
        differences: of the units that are finished, seeds or draws of the data.
        units: how many the test will have.
        level: coverage of its interval.
    """
    spread = Sample.from_values(differences).std if differences else None
    return None if spread is None else detectable(contrast((1,), (Sample(0.0, spread, units),)), level)


def _decide(pair: Pairs, effect: Effect, p: float, level: float, photos: PhotoIntervals) -> Decision:
    _, high = effect.interval(level)
    outcome, reason = _outcome(effect, p, high, pair)
    over_photos, unreadable = _over_photos(pair, level, photos)
    if unreadable:
        outcome, reason = Outcome.OPEN, unreadable
    elif over_photos and not _agree(outcome, over_photos, effect.estimate, pair.margin):
        outcome, reason = Outcome.OPEN, "the photos that were evaluated on cannot tell"
    distances = [abs(effect.estimate)]
    if effect.estimate < pair.margin:
        distances.append(pair.margin - effect.estimate)  # to exclude an improvement as large as the margin
    needed = [seeds_needed(distance, effect.variances, level) for distance in distances]
    return Decision(
        pair.contrast,
        outcome,
        reason,
        pair.differences,
        _published(pair.contrast),
        effect,
        p,
        level,
        pair.margin,
        detectable(effect, level),
        min((number for number in needed if number is not None), default=None),
        pair.unit,
        pair.unit_differences,
        over_photos,
    )


def _over_photos(pair: Pairs, level: float, photos: PhotoIntervals) -> tuple[tuple[float, float] | None, str]:
    """Return the interval over photos in the direction of the claim, and why there is none that should be."""
    if pair.contrast.metric != METRIC:
        return None, ""
    better, than = ({run.run.seed: run for run in side.runs} for side in (pair.better, pair.than))
    ends, damage = attempt(photos.interval, better, than, list(pair.units.values()), level)
    return ends, damage


def _agree(outcome: Outcome, ends: tuple[float, float], estimate: float, margin: float) -> bool:
    """Tell whether the interval over photos allows what the units say."""
    low, high = ends
    if outcome is Outcome.HOLDS:
        return low > 0
    if outcome is Outcome.FAILS:
        return high < 0 or (high < margin and estimate < margin)
    return True


def _outcome(effect: Effect, p: float, high: float, pair: Pairs) -> tuple[Outcome, str]:
    """Return what the plan's rules say, and why. A significant difference decides before the margin does."""
    small = high < pair.margin
    if p < ALPHA and effect.estimate > 0:
        return Outcome.HOLDS, "significant, but smaller than what would matter" if small else "significant"
    if p < ALPHA:
        return Outcome.FAILS, "significant in the other direction"
    if small:
        return Outcome.FAILS, "an improvement as large as would matter is excluded"
    return Outcome.OPEN, f"these {pair.unit} cannot tell"


def data_cautions(pairs: Sequence[Pairs], user: User) -> list[str]:
    """Return which finished runs were trained on other images than those of today, each data set once."""
    return DataChecks(user).cautions([run for pair in pairs for run in pair.finished])


def _published(one: Contrast) -> float | None:
    """Return the paper's difference in the direction of the claim. No paper prints KID."""
    published = PublishedNumbers()
    ours, theirs = (published.number(Quantity(group, one.metric)).sample for group in (one.better, one.than))
    if ours is None or theirs is None:
        return None
    return (theirs.mean - ours.mean) if one.direction == "lower" else (ours.mean - theirs.mean)
