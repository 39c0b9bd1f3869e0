"""The tests of paper/evidence.yaml as the report shows them: each effect, ours and the published one, in its unit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from advkd.artifacts.drawing import forest
from advkd.artifacts.drawing.forest import FAILS, HOLDS, OPEN, Estimate
from advkd.artifacts.number_format import format_difference, format_interval, format_p
from advkd.artifacts.papers import name_of_test
from advkd.claims.evidence import Decision, Outcome
from advkd.claims.predicates.base import Quantity
from advkd.claims.published import PublishedNumbers, artifact_cells
from advkd.damage import attempt
from advkd.metrics.effect import Effect, contrast, detectable

COUNTED = {Outcome.HOLDS: HOLDS, Outcome.FAILS: FAILS}  # any other outcome is open


class Measure(NamedTuple):
    """What a metric measures, in words, with the unit of its differences and the factor to that unit."""

    name: str
    unit: str
    factor: float


def measure_of(metric: str) -> Measure:
    """Return the measure of a metric of paper/evidence.yaml."""
    if match := re.fullmatch(r"top([15])_error", metric):
        return Measure(f"Top-{match[1]} error", "points", 1)
    if metric == "accuracy":
        return Measure("Accuracy", "points", 1)
    if metric.startswith("kid."):
        return Measure("KID × 10³", "", 1000)
    return Measure(metric, "", 1)


@dataclass(frozen=True)
class Tested:
    """One test.

    Attributes:
        name: what it claims, as a short sentence.
        decision: what our runs say.
        seeds: how many seeds the plan asks for.
        published: the published effect in the direction of the claim; None where the paper prints none.
        printed_power: the difference that the plan's seeds show four times in five, if they scatter as the paper
            prints; None where it prints no deviations.
        instead: what the paper prints in place of this metric, in words; empty if nothing.
        level: coverage of the intervals: all of a paper hold together with 95 %.
        is_test: whether these runs are those of the plan; otherwise their differences decide nothing.
    """

    name: str
    decision: Decision
    seeds: int
    published: Effect | None
    printed_power: float | None
    instead: str
    level: float
    is_test: bool

    @property
    def measure(self) -> Measure:
        """What is compared."""
        return measure_of(self.decision.contrast.metric)

    @property
    def outcome(self) -> str:
        """How the test counts: holds, fails or open."""
        return COUNTED.get(self.decision.outcome, OPEN) if self.is_test else OPEN

    @property
    def sign(self) -> str:
        """The outcome's sign."""
        return forest.SIGNS[self.outcome]

    @property
    def remark(self) -> str:
        """The outcome in a few words: an unfinished test says how many of its seeds are there."""
        if self.decision.outcome is Outcome.UNFINISHED:
            return f"open, {len(self.decision.differences)} of {self.seeds} seeds"
        return self.outcome if self.is_test else "no test"

    @property
    def axis(self) -> str:
        """What an effect is, with its unit, as an axis says it."""
        name, unit, _ = self.measure
        return f"{name}, {self.decision.contrast.direction} by" + (f" ({unit})" if unit else "")

    @property
    def unit(self) -> str:
        """The unit behind a number, with the space before it."""
        return f" {self.measure.unit}" if self.measure.unit else ""

    @property
    def ours(self) -> str:
        """Our effect with its interval; empty before the test."""
        effect = self.decision.effect
        return "" if effect is None else self._effect_text(effect, self.measure.factor * (effect.error or 0.0))

    @property
    def papers(self) -> str:
        """The published effect with its interval if one is known, with two decimals; empty where none is printed."""
        return "" if self.published is None else self._effect_text(self.published, 0.0)

    @property
    def power_in_words(self) -> str:
        """Before the test: the difference that it would show four times in five; empty where nothing tells."""
        if self.decision.outcome is not Outcome.UNFINISHED:
            return ""
        so_far = f"the {len(self.decision.differences)} so far"
        for power, like in ((self.decision.detectable, so_far), (self.printed_power, "the paper's")):
            if power is not None:
                number = f"{self.measure.factor * power:.2g}{self.unit}"
                return (
                    f"if seeds scatter as {like}, {self.seeds} of them show a difference of {number} in 80 % of cases"
                )
        return ""

    @property
    def seeds_in_words(self) -> str:
        """The differences of the seeds that are finished, before the test; empty without any."""
        factor = self.measure.factor
        values = [format_difference(factor * value, None) for value in self.decision.differences.values()]
        return f"seed by seed so far {', '.join(values)}{self.unit}, which is no test" if values else ""

    @property
    def margin(self) -> float | None:
        """The smallest effect that would matter, in the unit; None where it is a share of what is not measured yet."""
        text = self.decision.contrast.margin
        if text.endswith("%") and not self.decision.margin:
            return None
        return self.measure.factor * (self.decision.margin or float(text))

    @property
    def margin_in_words(self) -> str:
        """The smallest effect that would matter."""
        if self.margin is None:
            return f"{self.decision.contrast.margin} of what it is compared with".replace("%", " %")
        return f"{self.margin:.2g}{self.unit}"

    def _effect_text(self, effect: Effect, digits_of: float) -> str:
        """Return an effect with its interval; an error decides the digits, unless it is 0."""
        factor = self.measure.factor
        text = f"{format_difference(factor * effect.estimate, digits_of)}{self.unit}"
        if not effect.error:
            return text
        low, high = effect.interval(self.level)
        return f"{text} ({format_interval((factor * low, factor * high), digits_of)})"

    def with_level(self, text: str) -> str:
        """Return an effect as text with the coverage of its interval before the interval."""
        return text.replace(" (", f" ({100 * self.level:.3g} %: ", 1)

    def row(self) -> forest.Row:
        """Return the row of the forest plot."""
        factor = self.measure.factor
        numbers = [f"{whose} {text}" for whose, text in (("here", self.ours), ("paper", self.papers)) if text]
        numbers = [text.replace(self.unit, "", 1) for text in numbers]  # the axis has the unit
        return forest.Row(
            label=self.name,
            outcome=self.outcome if self.is_test else "",
            remark=self.remark,
            ours=self._estimate(self.decision.effect),
            published=self._estimate(self.published),
            margin=self.margin,
            seeds=tuple(factor * difference for difference in self.decision.differences.values()),
            numbers=tuple(numbers),
        )

    def _estimate(self, effect: Effect | None) -> Estimate | None:
        if effect is None:
            return None
        factor = self.measure.factor
        if effect.error is None:
            return Estimate(factor * effect.estimate)
        low, high = effect.interval(self.level)
        return Estimate(factor * effect.estimate, factor * low, factor * high)


def read_tests(decisions: Iterable[Decision], seeds: int, level: float, is_test: bool) -> list[Tested]:
    """Return decisions as the report shows them."""
    tests = []
    for decision in decisions:
        one = decision.contrast
        name, _ = attempt(name_of_test, one.id, one.claim)
        published, instead = published_effect(decision), printed_instead(decision)
        power = printed_power(decision, seeds, level)
        tests.append(Tested(name or one.claim, decision, seeds, published, power, instead, level, is_test))
    return tests


def published_effect(decision: Decision) -> Effect | None:
    """Return the published effect in the direction of the claim; its error is known where deviations are printed."""
    one, published = decision.contrast, PublishedNumbers()
    ours, theirs = (published.number(Quantity(group, one.metric)).sample for group in (one.better, one.than))
    if ours is None or theirs is None:
        return None
    return contrast((-1, 1) if one.direction == "lower" else (1, -1), (ours, theirs))


def printed_power(decision: Decision, seeds: int, level: float) -> float | None:
    """Return the difference that so many seeds show four times in five, with the printed standard deviations."""
    one, published = decision.contrast, PublishedNumbers()
    samples = [published.number(Quantity(group, one.metric)).sample for group in (one.better, one.than)]
    if any(sample is None or sample.std is None for sample in samples):
        return None
    return detectable(contrast((1, -1), [sample._replace(n=seeds) for sample in samples if sample]), level)


def printed_instead(decision: Decision) -> str:
    """Return the FIDs that the paper prints where a test compares KIDs; empty if it prints none."""
    one = decision.contrast
    measure, _, which = one.metric.partition(".")
    if measure != "kid":
        return ""
    texts = [_printed_fid(group, which) for group in (one.better, one.than)]
    if not all(texts):
        return "the paper does not print this comparison"
    return f"the paper prints FID in place of KID: {texts[0]} against {texts[1]}"


def _printed_fid(group: str, which: str) -> str:
    """Return the printed FID of a run group: the mean over its generators, or the best of them."""
    printed = {cell.metric: cell.mean for cell in artifact_cells() if cell.run == group and cell.mean}
    generators = [text for metric, text in printed.items() if re.fullmatch(r"fid\.G\d+", metric)]
    if which == "best" or len(generators) == 1:
        return min(generators, key=float, default="")
    return printed.get(f"fid.{which}", "")


def test_in_words(tested: Tested) -> str:
    """Return one test in sentences, without its outcome."""
    decision = tested.decision
    sentences = [f"{tested.name[0].upper()}{tested.name[1:]}."]
    if decision.effect:
        ours = tested.with_level(tested.ours)
        sentences.append(f"Here {ours} over {tested.seeds} seeds, p = {format_p(decision.p)}: {decision.reason}.")
    elif decision.outcome is not Outcome.UNFINISHED:
        sentences.append(f"{decision.reason}.")
    elif tested.seeds_in_words:
        sentences.append(f"{tested.seeds_in_words[0].upper()}{tested.seeds_in_words[1:]}.")
    if tested.papers:
        sentences.append(f"In the paper {tested.with_level(tested.papers)}.")
    elif tested.instead:
        sentences.append(f"{tested.instead[0].upper()}{tested.instead[1:]}.")
    sentences.append(f"What would matter: at least {tested.margin_in_words}.")
    if tested.power_in_words:
        sentences.append(f"{tested.power_in_words[0].upper()}{tested.power_in_words[1:]}.")
    sentences.append(f"What the two trainings of a seed share: {decision.contrast.made}")
    return " ".join(sentences)
