"""Rules that hold a paper's sentences, as paper/claims.yaml lists them, against its numbers and its other sentences.

As in `rules`, no rule knows a table or a number of a paper.
"""

from collections.abc import Callable
from decimal import Decimal

from advkd.artifacts.papers import about_paper
from advkd.claims.audit.findings import Checked, Finding, Kind, describe_cells, place_of, printed_cell
from advkd.claims.claim_file import Claim, load_claims
from advkd.claims.evaluation import Evaluation
from advkd.claims.predicates.base import Quantity
from advkd.claims.predicates.rows import Rows
from advkd.claims.predicates.values import Above, StatedChange
from advkd.claims.published import PublishedNumbers
from advkd.claims.verdicts import CONTRADICTED, CONTRADICTED_IN_OUR_READING, judge_published

KINDS: dict[str, Kind] = {CONTRADICTED: "contradiction", CONTRADICTED_IN_OUR_READING: "remark"}


def check_claims() -> Checked:
    """Check the claims on the papers' own tables, except stated changes, which a rule checks already.

    If only our reading of a sentence is contradicted, the finding is a remark.
    """
    checked, findings = 0, []
    for claim in load_claims():
        if all(isinstance(predicate, StatedChange) for predicate in claim.check):
            continue
        verdict = judge_published(claim)
        checked += verdict.word == "holds" or verdict.word in KINDS
        if verdict.word in KINDS:
            contradicting = [result.numbers for result in verdict.comparisons if result.agrees is False]
            derived = "; ".join(contradicting) or verdict.why
            seen = tuple(describe_cells(PublishedNumbers(claim.tables).cells(_contradicting(claim))))
            findings.append(_finding_on(claim, "claims", derived, verdict.why, KINDS[verdict.word], seen))
    return Checked("claims about numbers that tables print", checked, tuple(findings))


def _contradicting(claim: Claim) -> list[Quantity]:
    """Return the quantities of the comparisons whose printed numbers are not as claimed, each once."""
    quantities: dict[Quantity, None] = {}
    for instance in claim.instances:
        if isinstance(instance.predicate, Rows):
            continue
        evaluation = Evaluation.of_instance(instance, PublishedNumbers(claim.tables).number)
        if evaluation.decide_printed() is False:
            results = evaluation.printed_results()
            is_wrong = [result.agrees is False for result in results]
            for comparison, wrong in zip(evaluation.comparisons, is_wrong, strict=True):
                if wrong or not any(is_wrong):
                    quantities.update(dict.fromkeys(comparison.quantities))
    return list(quantities)


def check_other_sentences() -> Checked:
    """Find the claims that another sentence of the same paper contradicts (`against` in paper/claims.yaml)."""
    claims = load_claims()
    findings = []
    for claim in claims:
        for sentence in claim.against:
            message = f"{sentence.place} says otherwise: {sentence.says}"
            findings.append(_finding_on(claim, "other sentences", sentence.says, message, "contradiction"))
    return Checked("claims beside the other sentences of their paper", len(claims), tuple(findings))


def check_overconfidence() -> Checked:
    """Check networks that a claim calls over-confident against the largest ECE that over-confidence allows.

    Where a network is nowhere less confident than it is right, its ECE is its mean confidence minus its accuracy. A
    confidence is at most 100 %, so this is at most its Top-1 error. The standard deviation of the error is allowed for.
    """
    checked, findings = 0, []
    for claim in load_claims():
        for run in _overconfident(claim):
            ece, error = printed_cell(run, "ece"), printed_cell(run, "top1_error")
            if ece is None or error is None:
                continue
            checked += 1
            if Decimal(ece.mean) > Decimal(error.mean) + Decimal(error.std or 0):
                message = (
                    f"an ECE of {ece.mean} % is more than over-confidence allows, which is at most the Top-1 error:"
                    f" {error.mean} % ({place_of(error)}). So the network is in part less confident than it is right"
                )
                seen = tuple(describe_cells((ece, error)))
                findings.append(_finding_on(claim, "over-confidence", error.mean, message, "contradiction", seen))
    return Checked("over-confidence beside Top-1 errors", checked, tuple(findings))


def _overconfident(claim: Claim) -> list[str]:
    """Return the run groups that a claim calls over-confident: those that a temperature above 1 calibrates."""
    instances = [instance for instance in claim.instances if isinstance(instance.predicate, Above)]
    return [
        quantity.run
        for instance in instances
        if isinstance(instance.predicate, Above) and instance.predicate.value >= 1
        for quantity in instance.quantities(instance.predicate.groups)
        if quantity.metric == "temperature"
    ]


def _finding_on(claim: Claim, rule: str, derived: str, message: str, kind: Kind, seen: tuple[str, ...] = ()) -> Finding:
    where = f"{about_paper(claim.paper)['short']}, {claim.place}"
    return Finding(rule, kind, claim.paper, where, claim.claim, derived, message, f"claim {claim.id}", seen)


SENTENCES: tuple[Callable[[], Checked], ...] = (check_claims, check_other_sentences, check_overconfidence)
