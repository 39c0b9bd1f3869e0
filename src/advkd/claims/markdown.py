"""Writes docs/claims.md: every claim with its place, its command, what its runs took, and the verdicts."""

from itertools import groupby
from typing import Any

from advkd.artifacts.number_format import format_statistic
from advkd.artifacts.papers import about_paper
from advkd.claims.judgements import judge_all
from advkd.progress import duration
from advkd.settings import config
from advkd.settings.user import User

MOST_COMPARISONS = 4  # of a claim
HEAD = """# Claims

{count} claims of the three papers about numbers or orders, checked on the numbers that the papers print and on ours at
scale `{scale}`. `advkd claims {options} --out FILE` writes this page from `paper/claims.yaml`. The module
`src/advkd/claims/verdicts.py` explains how a claim is judged. An interval over images compares two single trainings. It
tells how much the choice of evaluation images matters, and says nothing about other seeds.
"""


def claims_page(user: User) -> str:
    """Return docs/claims.md at the user's scale."""
    judgements = judge_all(user)
    lines = [HEAD.format(count=len(judgements), scale=user.scale, options=config.options(user))]
    lines += ["| claim | published | ours | runs |", "|---|---|---|---|"]
    for judgement in judgements:
        name, published, ours = judgement["id"], judgement["published"]["word"], judgement["ours"]["word"]
        lines.append(f"| [{name}](#{name}) | {published} | {ours} | {describe_runs(judgement)} |")
    for paper, of_paper in groupby(judgements, key=lambda judgement: judgement["paper"]):
        lines += ["", f"## {about_paper(paper)['short']}"]
        for judgement in of_paper:
            lines += ["", f"### {judgement['id']}", "", judgement["claim"], "", *claim_lines(judgement)]
    return "\n".join(lines) + "\n"


def claim_lines(judgement: dict[str, Any]) -> list[str]:
    """Return the list of facts below a claim."""
    published, ours, trained = judgement["published"], judgement["ours"], judgement["trained"]
    lines = []
    for label, key in (("place", "place"), ("read here as", "reading"), ("note", "note")):
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
    texts = [f"{result['compared']}: {result['numbers']}, claimed {result['claimed']}"]
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
