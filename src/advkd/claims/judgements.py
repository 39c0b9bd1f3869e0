"""Collects what the reports show of every claim: its verdicts, the command that checks it, and what its runs took."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from advkd.claims.claim_file import Claim, load_claims
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.verdicts import Verdict, judge_ours, judge_published
from advkd.settings.user import User


@dataclass(frozen=True)
class Judgement:
    """A claim with its verdicts at one scale.

    Attributes:
        command: the command that trains the runs of the claim; empty for a claim about print alone.
        published, ours: the verdicts on the printed numbers and on ours.
        needs: how many `runs` are behind our numbers and how many the `command` trains; None without a command.
        trained: how the finished runs among these were trained, see `OurNumbers.training_of`.
    """

    claim: Claim
    scale: str
    command: str
    published: Verdict
    ours: Verdict
    needs: dict[str, int] | None
    trained: dict[str, Any] | None


def judge(claim: Claim, source: OurNumbers) -> Judgement:
    """Judge a claim on the printed numbers and on ours."""
    runs = source.runs_behind(claim.quantities)
    needs = {"runs": len(runs), "command": len(source.runs_of_targets(claim.targets))} if claim.quantities else None
    return Judgement(
        claim,
        source.user.scale,
        claim.command(source.user),
        judge_published(claim),
        judge_ours(claim, source),
        needs,
        source.training_of(runs),
    )


def judge_all(user: User) -> list[dict[str, Any]]:
    """Judge all claims at the user's scale. Each judgement is a dictionary that can be written as JSON.

    Its keys are those of `Judgement`, with id, paper, place, claim, reading, note (`Claim.notes`) and is_of_abstract in
    place of the claim. A number that is not known is None.
    """
    source = OurNumbers(user)
    return [_as_dict(judge(claim, source)) for claim in load_claims()]


def _as_dict(judgement: Judgement) -> dict[str, Any]:
    claim = judgement.claim
    texts = {key: getattr(claim, key) for key in ("id", "paper", "place", "claim", "reading")}
    texts |= {"note": claim.notes, "is_of_abstract": claim.is_of_abstract}
    numbers = {key: getattr(judgement, key) for key in ("scale", "command", "needs", "trained")}
    verdicts = {"published": asdict(judgement.published), "ours": asdict(judgement.ours)}
    as_json = json.dumps(texts | numbers | verdicts, allow_nan=False)  # fails on NaN, turns tuples into lists
    fields: dict[str, Any] = json.loads(as_json)
    return fields
