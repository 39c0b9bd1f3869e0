"""docs/findings.md: what the papers' main claims come to at a scale, in plain words with numbers."""

from pathlib import Path

from advkd.claims.evidence import Outcome
from advkd.claims.judgements import judge_all
from advkd.files import atomic, write_text
from advkd.report.content.answers import Answer, Count, gather_answers
from advkd.report.content.forest_plots import forest_in_words, forest_plot, forest_spoken
from advkd.report.content.measured_groups import MeasuredGroup
from advkd.report.content.tested import test_in_words
from advkd.settings import config
from advkd.settings.evidence_plan import PLAN, load_plan
from advkd.settings.user import User

HEAD = """# Findings at scale `{scale}`

Do the main claims of the three papers hold? They are tested on real images, with smaller networks and shorter
trainings than the papers'. [paper/evidence.yaml](../{plan}) fixed the tests before the first result: what is compared,
over how many seeds, and which difference would matter (the *margin*).

**Holds here does not mean reproduced.** An answer is about this scale. A claim that *fails* is not shown to be false at
the paper's own sizes. [Words](words.md#when-is-a-number-reproduced) says when a number counts as reproduced.

A test is Student's t on the differences of two trainings, seed by seed, with Holm's correction within a paper:

- **holds**: significant (p < 0.05), with the claimed sign. Where the interval lies below the margin, it still holds,
  and is called smaller than what would matter.
- **fails**: significant in the other direction; or not significant, and the interval excludes a difference as large as
  the margin.
- **open**: neither, or not all seeds are finished. Nothing is tested before that, and no seed is added afterwards.

| paper | answer | hold | fail | open |
|---|---|---|---|---|
"""
OTHER_SCALE = """
**These are not the runs of the plan, which are those of scale `{plan}` with its settings: nothing below is a test.**
"""
READING = """
## How to read the sections

- **Tests**: *order* is that of the training images, *views* are their random crops and flips. What two trainings share
  makes their difference less random.
- **Data**: CODEBRIM's official archive was not at hand for the runs that are kept here.
  [small-scale.md](small-scale.md#data) says which photos stand in for it. Code that prepares images may have changed
  since; the trainings keep the images that they saw.
- **Tables** describe: mean and sample standard deviation over seeds. Only the tests decide. *Better by* is how much
  better the paper's own method is, with a 95 % interval: by the printed numbers, and here once all seeds are finished.
- **Claims**: [claims.md](claims.md) explains the verdicts and judges the claims one by one, ours at scale `paper`;
  `advkd claims {options}` does so with the numbers of this scale. A claim that *holds* in print agrees with the paper's
  own tables. That is no evidence beyond them.
- **Costs** are the times of finished runs, on machines that may have had other work beside them. Where none is
  finished, [small-scale.md](small-scale.md#time) has what is expected.
"""
TABLE = """| trained | in a test | measured | seeds | here | in the paper | {short} better by, in print | here |
|---|---|---|---|---|---|---|---|"""
FOOT = """
---

Written by `advkd findings {options}` with `--out`, from finished runs. With the same options `advkd evidence`
prints the tests with all their numbers, `advkd claims` all claims, and `advkd report` makes the whole report.
"""


def write_findings(user: User, out: Path | None) -> str:
    """Return the page at the user's scale. With `out` it is written there, and the plots to the folder of its name."""
    answers = gather_answers(user, judge_all(user))
    plots: dict[str, str] = {}
    if out:
        folder = out.with_suffix("")
        for answer in answers:
            if answer.tests:
                with atomic(folder / f"{answer.paper}.svg") as temporary:
                    temporary.write_bytes(forest_plot(answer, ".svg"))
                plots[answer.paper] = f"{folder.name}/{answer.paper}.svg"
    text = findings_page(answers, plots, user)
    if out:
        write_text(out, text)
    return text


def findings_page(answers: list[Answer], plots: dict[str, str], user: User) -> str:
    """Return the page, given the address of each paper's plot where there is one."""
    options = config.options(user)
    parts = [HEAD.format(scale=user.scale, plan=PLAN) + "\n".join(map(_summary, answers))]
    if not any(answer.is_test for answer in answers):
        parts.append(OTHER_SCALE.format(plan=load_plan().scale))
    parts.append(READING.format(options=options).rstrip("\n"))
    for answer in answers:
        parts += _paper(answer, plots.get(answer.paper, ""))
    return "\n".join([*parts, FOOT.format(options=options)])


def _summary(answer: Answer) -> str:
    numbers = answer.counts[0] if answer.tests else Count("", 0, 0, 0, {})
    link = f"[{answer.short}](#{answer.short.lower()})"
    return f"| {link} | {answer.verdict} | {numbers.holds} | {numbers.fails} | {numbers.open} |"


def _paper(answer: Answer, plot: str) -> list[str]:
    lines = ["", f"## {answer.short}", "", f"{answer.title}. {answer.citation}.", ""]
    if answer.error:
        return [*lines, answer.error]
    if any(tested.decision.outcome is not Outcome.UNFINISHED for tested in answer.tests):
        lines += [f"**{answer.verdict}**", ""]
    if plot:
        lines += [f"![{forest_spoken(answer)}]({plot})", "", forest_in_words(answer), ""]
    lines += [f"- **{tested.remark}**: {test_in_words(tested)}" for tested in answer.tests]
    return [*lines, "", *_made(answer), *_controls(answer), *_claims(answer), *_costs(answer)]


def _made(answer: Answer) -> list[str]:
    lines = ["### What was trained", "", f"- scale: {answer.scale}", f"- data: {answer.data}"]
    lines.append(f"- made: {answer.made or 'nothing is finished yet'}")
    lines += [f"- of outdated data: {caution}" for caution in answer.cautions]
    return [
        *lines,
        "",
        "Every setting that differs from the paper's; all others are equal:",
        "",
        *(f"- {line}" for line in answer.changes),
    ]


def _controls(answer: Answer) -> list[str]:
    """Return what every group measured, as a table."""
    lines = ["", "### What is not tested, and the controls", "", answer.controls, ""]
    return [*lines, TABLE.format(short=answer.short), *map(_group, answer.measured)]


def _group(row: MeasuredGroup) -> str:
    tested = "yes" if row.is_tested else "no"
    cells = (row.name, tested, row.measure, row.seeds, row.ours, row.published, row.printed_lead, row.lead)
    return f"| {' | '.join(cells)} |"


def _claims(answer: Answer) -> list[str]:
    """Return how all claims of the paper are judged, tests or not."""
    lines = ["", "### All claims about numbers", ""]
    for count in answer.counts[-2:]:
        words = ", ".join(f"{word} {number}" for word, number in count.words.items())
        lines.append(f"- {count.of}: {words or 'none'}")
    lines += [f"- no verdict on [{name}](claims.md#{name}): {why}" for name, why in answer.undecidable]
    if answer.judged:
        lines += ["", "These were judged on our numbers and were not fixed beforehand:", ""]
        lines += [f"- **{word}**: {claim} (`{name}`)" for word, name, claim in answer.judged]
    return lines


def _costs(answer: Answer) -> list[str]:
    if not answer.costs:
        return []
    lines = ["", "### What it would cost to decide the rest", ""]
    for cost in answer.costs:
        lines.append(f"- {cost.what}: {', '.join(filter(None, (cost.needed, cost.time)))}")
    return lines
