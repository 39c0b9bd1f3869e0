"""Writes docs/claims.md: every claim with its place, its command, what its runs took, and the verdicts."""

from itertools import groupby
from typing import Any

from advkd.artifacts.number_format import format_statistic
from advkd.artifacts.papers import about_paper
from advkd.claims.comparison_words import claimed_in_words
from advkd.claims.judgements import judge_all
from advkd.metrics.effect import LEVEL
from advkd.progress import duration
from advkd.settings import config
from advkd.settings.user import User

MOST_COMPARISONS = 4  # of a claim
HEAD = """# Claims

Do the papers' {count} claims about numbers or orders hold? Each is checked twice: on the numbers that its paper prints,
and on ours at scale `{scale}`.

`advkd claims {options} --out FILE` writes this page from `paper/claims.yaml`.

| verdict | meaning |
|---|---|
| holds | the numbers are as claimed; ours beyond chance (95 % interval over seeds) |
| fails | our numbers are surely not as claimed |
| contradicted | the paper's own table says otherwise |
| contradicted in our reading | the sentence leaves room, and the paper's table contradicts what we understand by it |
| not printed | the paper prints no numbers for it |
| not enough runs | *open* in other words: our runs leave it open; the claim says how many would decide |
| not run | runs that it needs are not finished at this scale |
| diverged | a training that it needs became non-finite (not a number) |
| blocked | a training that it needs waits for one that diverged |
| no verdict | nothing that is run here can decide it; the reason stands beside it |

Of the {holding} claims that hold in print, {significant} are such that all their differences are significant by the
printed standard deviations, and {partly} such that some are not. For the other {unknown} no test is possible, or they
compare nothing. That a claim holds in print says that the text agrees with its own tables.

`src/advkd/claims/verdicts.py` has the exact rules. Where two methods were trained once each, an *interval over images*
says how much the choice of evaluation images matters. It says nothing about other seeds.
"""


def claims_page(user: User) -> str:
    """Return docs/claims.md at the user's scale."""
    judgements = judge_all(user)
    counts = count_significant(judgements)
    lines = [HEAD.format(count=len(judgements), scale=user.scale, options=config.options(user), **counts)]
    of_abstracts = [judgement for judgement in judgements if judgement["is_of_abstract"]]
    lines += ["## What the abstracts claim", "", *_overview(of_abstracts, with_claim=True)]
    lines += ["", "## All claims", "", *_overview(judgements, with_claim=False)]
    for paper, of_paper in groupby(judgements, key=lambda judgement: judgement["paper"]):
        lines += ["", f"## {about_paper(paper)['short']}"]
        for judgement in of_paper:
            lines += ["", f"### {judgement['id']}", "", judgement["claim"], "", *claim_lines(judgement)]
    return "\n".join(lines) + "\n"


def count_significant(judgements: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many claims hold in print, and of these how many with differences that are all or partly significant.

    Keys: holding, significant, partly, and unknown for claims without a test.
    """
    p_values = [
        [result["p"] for result in judgement["published"]["comparisons"] if result["p"] is not None]
        for judgement in judgements
        if judgement["published"]["word"] == "holds"
    ]
    tested = [max(of_claim) < 1 - LEVEL for of_claim in p_values if of_claim]
    significant = sum(tested)
    partly, unknown = len(tested) - significant, len(p_values) - len(tested)
    return {"holding": len(p_values), "significant": significant, "partly": partly, "unknown": unknown}


def _overview(judgements: list[dict[str, Any]], with_claim: bool) -> list[str]:
    """Return a table of claims with their verdicts. Sentences take the place of names, or runs stand at the end."""
    lines = ["| claim | published | ours |" + ("" if with_claim else " runs |")]
    lines.append("|---|---|---|" + ("" if with_claim else "---|"))
    for judgement in judgements:
        name, published, ours = judgement["id"], judgement["published"]["word"], judgement["ours"]["word"]
        link = f"[{judgement['claim'] if with_claim else name}](#{name})"
        row = [link, published, ours] if with_claim else [link, published, ours, describe_runs(judgement)]
        lines.append(f"| {' | '.join(row)} |")
    return lines


def claim_lines(judgement: dict[str, Any]) -> list[str]:
    """Return the list of facts below a claim."""
    published, ours, trained = judgement["published"], judgement["ours"], judgement["trained"]
    lines = []
    for label, key in (("place", "place"), ("how we read it", "reading"), ("note", "note")):
        if judgement[key]:
            lines.append(f"- {label}: {judgement[key]}")
    if judgement["command"]:
        lines.append(f"- command: `{judgement['command']}`, which trains {_count_runs(judgement['needs']['command'])}")
        machines = f" on {'; '.join(trained['machines'])}" if trained else ""
        lines.append(f"- needs {describe_runs(judgement)}{machines}")
    lines.append(f"- published: **{published['word']}**; {published['why']}")
    reasons = [f"; {ours[key]}" for key in ("why", "settle", "caveat") if ours[key]]
    lines.append(f"- ours: **{ours['word']}**{''.join(reasons)}")
    results = [result for result in ours["comparisons"] if result["estimate"] is not None]
    lines += [f"  - {describe_result(result)}" for result in results[:MOST_COMPARISONS]]
    if len(results) > MOST_COMPARISONS:
        lines.append(f"  - and {len(results) - MOST_COMPARISONS} more")
    if trained:
        lines.append(f"- data: {'; '.join(trained['data'])}")
    return lines


def describe_runs(judgement: dict[str, Any]) -> str:
    """Return how many runs a claim needs, how many are finished and how long they took; empty if it needs none."""
    if not judgement["needs"]:
        return ""
    needed = _count_runs(judgement["needs"]["runs"])
    trained = judgement["trained"]
    if not trained:
        return f"{needed}; none finished at this scale"
    return f"{needed}; {trained['runs']} of them finished, in {duration(trained['seconds'])}"


def describe_result(result: dict[str, Any]) -> str:
    """Return one of our comparisons in one line, with its intervals and its effect size."""
    texts = [f"{result['compared']}: {result['numbers']} (claimed: {claimed_in_words(result['claimed'])})"]
    if result["interval"]:
        texts.append(f"95 % over seeds {result['interval']}")
    if result["g"] is not None:
        texts.append(f"{format_statistic(result['g'])} standard deviations")
    if images := result["images"]:
        texts.append(f"95 % over images, one training each, {images['text']}")
    if result["machines"]:
        texts.append(f"on {'; '.join(result['machines'])}")
    return "; ".join(texts)


def _count_runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
