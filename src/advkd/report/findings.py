"""docs/findings.md: what the papers' main claims come to at a scale, in plain words with numbers."""

from pathlib import Path

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

Do the main claims of the three papers hold? They were tested on real images, with smaller networks and shorter
trainings than the papers'. [paper/evidence.yaml](../{plan}) fixed the tests before the first result: what is compared,
over how many seeds, and which difference would matter.

**Holds here does not mean reproduced.** A claim that *holds* is true of this scale. A claim that *fails* is not shown
to be false at the paper's own sizes. To reproduce a number one must train the paper's network at its width, for all its
epochs, on its data. Scale `paper` does that, and [scale.md](scale.md) says what it costs.

- **holds**: the difference has the claimed sign and is significant (Student's t over seeds, Holm within a paper).
- **fails**: it is significant in the other direction, or a difference as large as would matter is excluded.
- **open**: neither, or not all seeds are finished. Nothing is tested before that.
"""
OTHER_SCALE = """
**These are not the runs of the plan, which are those of scale `{plan}` with its settings: nothing below is a test.**
"""
FOOT = """
---

Written by `advkd findings {options}` with `--out`, from finished runs. With the same words, `advkd evidence` prints the
tests with all their numbers, `advkd claims` all claims, and `advkd report` makes the whole report.
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
    parts = [HEAD.format(scale=user.scale, plan=PLAN)]
    if not any(answer.is_test for answer in answers):
        parts.append(OTHER_SCALE.format(plan=load_plan().scale))
    parts += _summary(answers)
    for answer in answers:
        parts += _paper(answer, plots.get(answer.paper, ""))
    return "\n".join([*parts, FOOT.format(options=options)])


def _summary(answers: list[Answer]) -> list[str]:
    lines = ["| paper | answer | hold | fail | open |", "|---|---|---|---|---|"]
    for answer in answers:
        numbers = answer.counts[0] if answer.tests else Count("", 0, 0, 0, {})
        lines.append(
            f"| [{answer.short}](#{answer.short.lower()}) | {answer.verdict} | {numbers.holds} | {numbers.fails} |"
            f" {numbers.open} |"
        )
    return lines


def _paper(answer: Answer, plot: str) -> list[str]:
    lines = ["", f"## {answer.short}", "", f"{answer.title}. {answer.citation}.", ""]
    if answer.error:
        return [*lines, answer.error]
    lines += [f"**{answer.verdict}**", ""]
    if plot:
        lines += [f"![{forest_spoken(answer)}]({plot})", "", forest_in_words(answer), ""]
    lines += [f"- **{tested.remark}**: {test_in_words(tested)}" for tested in answer.tests]
    lines += ["", *_made(answer), *_controls(answer), *_claims(answer), *_costs(answer)]
    return lines


def _made(answer: Answer) -> list[str]:
    lines = ["### What was trained", "", f"- scale: {answer.scale}", f"- data: {answer.data}"]
    lines.append(f"- made: {answer.made or 'nothing is finished yet'}")
    return lines + [f"- of outdated data: {caution}" for caution in answer.cautions]


def _controls(answer: Answer) -> list[str]:
    """Return what every group measured, as a table; groups without a number are named below it."""
    with_number = [row for row in answer.measured if row.is_measured]
    without = dict.fromkeys(row.name for row in answer.measured if row not in with_number)
    lines = ["", "### What the controls say", "", answer.controls, ""]
    if with_number:
        lines += [
            "Mean and sample standard deviation over seeds; only the tests above decide. The last column says how much"
            " better the paper's own method is, seed by seed, with its 95 % interval, once all seeds are finished.",
            "",
            "| trained | measured | seeds | here | in the paper | paper's method better by |",
            "|---|---|---|---|---|---|",
            *(_group(row) for row in with_number),
            "",
        ]
    if without:
        lines.append(f"Without a number so far: {'; '.join(without)}.")
    return lines


def _group(row: MeasuredGroup) -> str:
    return f"| {row.name} | {row.measure} | {row.seeds} | {row.ours} | {row.published} | {row.lead} |"


def _claims(answer: Answer) -> list[str]:
    """Return how all claims of the paper are judged, tests or not."""
    lines = ["", "### All claims about numbers", ""]
    for count in answer.counts[-2:]:
        words = ", ".join(f"{word} {number}" for word, number in count.words.items())
        lines.append(f"- {count.of}: {words or 'none'}")
    lines += ["", "[claims.md](claims.md) explains the words and lists the claims one by one."]
    if answer.judged:
        lines += ["These were judged on our numbers and were not fixed beforehand:", ""]
        lines += [f"- **{word}**: {claim} (`{name}`)" for word, name, claim in answer.judged]
    return lines


def _costs(answer: Answer) -> list[str]:
    if not answer.costs:
        return []
    lines = ["", "### What it would cost to decide the rest", ""]
    for cost in answer.costs:
        lines.append(f"- {cost.what}: {', '.join(filter(None, (cost.needed, cost.time)))}")
    return lines
