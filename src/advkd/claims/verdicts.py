"""Judges a claim on the numbers that its paper prints and on ours.

A claim consists of one or several predicates, all of which must hold.

On printed numbers a claim *holds*, is *contradicted* by the paper's own table, or its numbers are *not printed*. Where
standard deviations are printed, Welch's test says which differences are significant. Some claims leave room for
interpretation. Their `reading` says how we understand them, and printed numbers against this reading make a claim
*contradicted in our reading*. That is no contradiction within the paper.

On our numbers, every comparison has a 95 % interval over seeds (Welch).

- An order *holds* if the interval of the difference excludes zero in the claimed direction. It *fails* if the interval
  excludes zero in the other direction.
- A stated number holds if the interval contains it and excludes zero in its direction. It fails if the interval does
  not contain it.
- "Hardly matters" holds if the interval lies within a margin. It fails if the interval lies outside.
- Otherwise there are *not enough runs*.

A claim with m comparisons holds if all of them hold at 95 %. This needs no correction. It fails if one of them fails at
100 - 5/m % (Bonferroni), since one of many comparisons fails by chance. Where one comparison is enough for a claim to
hold, holding is corrected as well.

Unless the other comparisons already decide the claim, it is *not run* if a group has no finished training, *diverged*
if a training diverged, and *blocked* if a training waits for one that diverged.

There is *no verdict* at a scale with images drawn by a program, on distances between features of a network with random
weights, on a stated number at other settings than the paper's, and where no run can decide.
"""

from dataclasses import dataclass, replace
from typing import Literal

from advkd.claims.claim_file import Claim
from advkd.claims.comparison_results import ComparisonResult
from advkd.claims.comparison_words import claimed_in_words
from advkd.claims.evaluation import Evaluation
from advkd.claims.number import Number
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.predicates.base import all_hold
from advkd.claims.predicates.orders import SomeLower
from advkd.claims.predicates.rows import Rows
from advkd.claims.predicates.values import StatedChange, Value
from advkd.claims.published import PublishedNumbers
from advkd.errors import UserError
from advkd.metrics.effect import LEVEL, seeds_needed
from advkd.settings import config_files
from advkd.settings.user import User

Word = Literal[
    "holds", "fails", "not enough runs", "not run", "diverged", "blocked", "no verdict",  # on our numbers
    "contradicted", "contradicted in our reading", "not printed",  # on printed numbers
    "not readable",
]  # fmt: skip
CONTRADICTED: Word = "contradicted"
CONTRADICTED_IN_OUR_READING: Word = "contradicted in our reading"


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim.

    Attributes:
        word: the verdict itself.
        why: the reason; empty if our numbers decide.
        settle: how many seeds would decide the claim; empty unless there are not enough runs.
        caveat: what limits the verdict.
        comparisons: the results of the comparisons behind it.
    """

    word: Word
    why: str = ""
    settle: str = ""
    caveat: str = ""
    comparisons: tuple[ComparisonResult, ...] = ()


# --- on printed numbers


def judge_published(claim: Claim) -> Verdict:
    """Judge a claim on the numbers that its paper prints."""
    if claim.problem:
        return Verdict("not readable", claim.problem)
    decisions: list[bool | None] = []
    contradictions: list[str] = []
    evaluations: list[Evaluation] = []
    results: list[ComparisonResult] = []
    for instance in claim.instances:
        if isinstance(instance.predicate, Rows):
            mismatch = instance.predicate.mismatch()
            decisions.append(not mismatch)
            if mismatch:
                contradictions.append(mismatch)
            continue
        evaluation = Evaluation.of_instance(instance, PublishedNumbers(claim.tables).number)
        decision = evaluation.decide_printed()
        own_results = evaluation.printed_results()
        if decision is False:
            contradictions += _contradictions(own_results)
        decisions.append(decision)
        evaluations.append(evaluation)
        results += own_results
    decision = all_hold(decisions)
    if decision is None:
        elsewhere = "; another sentence of the paper contradicts it (see the note)" if claim.against else ""
        return Verdict("not printed", f"no table prints these numbers{elsewhere}", comparisons=tuple(results))
    if decision:
        return Verdict("holds", _significance(results, evaluations), comparisons=tuple(results))
    word = CONTRADICTED_IN_OUR_READING if claim.reading else CONTRADICTED
    return Verdict(word, "; ".join(contradictions), comparisons=tuple(results))


def _contradictions(results: list[ComparisonResult]) -> list[str]:
    """Return the comparisons that are not as claimed, or all if each of them is as claimed by itself."""
    wrong = [result for result in results if result.agrees is False] or results
    return [f"{result.compared}: {result.numbers} (claimed: {claimed_in_words(result.claimed)})" for result in wrong]


def _significance(results: list[ComparisonResult], evaluations: list[Evaluation]) -> str:
    """Return how many of the printed differences are significant by the printed standard deviations."""
    p_values = [result.p for result in results if result.p is not None]
    if p_values:
        significant = sum(p < 1 - LEVEL for p in p_values)
        return (
            f"differences significant by the printed standard deviations (Welch, p < 0.05): {significant} of"
            f" {len(p_values)}"
        )
    for evaluation in evaluations:
        for numbers in evaluation.numbers:
            if len({number.has_deviation for number in numbers}) > 1:
                return "the paper prints a standard deviation for one side of a comparison only"
    if any(len(result.n) > 1 for result in results):
        return "the paper prints no standard deviations, so significance is unknown"
    return "as printed in the table"


# --- on our numbers


def judge_ours(claim: Claim, source: OurNumbers) -> Verdict:
    """Judge a claim on our numbers by the rule at the top of this module."""
    user = source.user
    if claim.problem:
        return Verdict("not readable", claim.problem)
    if not claim.quantities:
        return Verdict("no verdict", "the claim is about what the paper prints, and no run can decide it")
    if config_files.scale_file(user.scale).data == "made" and not claim.unjudged:
        reason = f"scale {user.scale} trains tiny networks briefly on drawn images, which only shows that they train"
        return Verdict("no verdict", reason)
    try:
        evaluations = [Evaluation.of_instance(instance, source.number) for instance in claim.instances]
        results = tuple(result for evaluation in evaluations for result in evaluation.our_results(source))
    except UserError as error:
        return Verdict("not readable", str(error))
    cautions = list(dict.fromkeys(caution for number in _all_numbers(evaluations) for caution in number.cautions))
    caveat = "; ".join(cautions)
    if claim.unjudged:
        open_results = tuple(replace(result, agrees=None) for result in results)
        return Verdict("no verdict", claim.unjudged, caveat=caveat, comparisons=open_results)
    word, why = _decide(evaluations)
    if word not in ("holds", "fails", "not enough runs"):
        return Verdict(word, why, caveat=caveat, comparisons=results)
    if _differs_from_paper(user):
        if any(isinstance(predicate, StatedChange | Value) for predicate in claim.check):
            reason = f"the paper states a number for its own settings, and those of scale {user.scale} differ"
            return Verdict("no verdict", reason, caveat=caveat, comparisons=results)
        settings = f"with the settings and data of scale {user.scale}, which differ from the paper's"
        caveat = "; ".join([settings, *cautions])
    settle = _what_would_settle(evaluations) if word == "not enough runs" else ""
    return Verdict(word, why, settle, caveat, results)


def _differs_from_paper(user: User) -> bool:
    return bool(user.scale != "paper" or user.override or user.folders)


def _decide(evaluations: list[Evaluation]) -> tuple[Word, str]:
    """Return the verdict on our numbers, and the reason unless the numbers themselves decide."""
    numbers = _all_numbers(evaluations)
    remarks = dict.fromkeys(number.remark for number in numbers if number.remark)
    if remarks:
        return "no verdict", "; ".join(remarks)
    effects = [effect for evaluation in evaluations for effect in evaluation.effects]
    corrected = 1 - (1 - LEVEL) / len(effects)  # Bonferroni
    if all_hold([evaluation.decide(_level_to_hold(evaluation, corrected)) for evaluation in evaluations]):
        return "holds", ""
    if all_hold([evaluation.decide(corrected) for evaluation in evaluations]) is False:
        return "fails", ""
    ended = [number for number in numbers if number.ended]
    if ended:
        endings: tuple[Word, ...] = ("blocked", "diverged")
        return next((word for word in endings if word in ended[0].ended), "no verdict"), ended[0].status
    missing = sum(effect is None for effect in effects)
    if missing:
        return "not run", f"{missing} of {len(effects)} comparisons wait for runs that are not finished"
    return "not enough runs", ""


def _level_to_hold(evaluation: Evaluation, corrected: float) -> float:
    """Return the level at which a predicate must hold, corrected where one of several comparisons is enough."""
    return corrected if isinstance(evaluation.instance.predicate, SomeLower) else LEVEL


def _what_would_settle(evaluations: list[Evaluation]) -> str:
    """Return how many seeds would decide an open claim, given the observed spread."""
    undecided = [
        (evaluation.instance.predicate, effect) for evaluation in evaluations for effect in evaluation.undecided()
    ]
    if any(effect.error is None for _, effect in undecided):
        return "one seed has no spread: run at least three of each group (seeds=3)"
    seeds = 0
    for predicate, effect in undecided:
        needed = seeds_needed(predicate.boundary(effect.estimate), effect.variances)
        if needed is None:
            return "more than 1,000 seeds of each group: the difference is too small for its spread"
        seeds = max(seeds, needed)
    samples = [number.sample for number in _all_numbers(evaluations) if number.sample is not None]
    finished = min(sample.n for sample in samples if sample.n > 1)
    more = max(seeds - finished, 1)
    return (
        f"about {finished + more} seeds of each group, {more} more, if difference and spread stay as observed"
        " (power 0.8)"
    )


def _all_numbers(evaluations: list[Evaluation]) -> list[Number]:
    return [number for evaluation in evaluations for numbers in evaluation.numbers for number in numbers]
