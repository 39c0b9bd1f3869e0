"""docs/errors-in-the-papers.md: what is wrong or doubtful in the papers, each point once.

The audit's rules find the errors in numbers and sentences; findings of several rules about one fact are one error. The
errors in equations are those of the documented choices (`report/choices.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from advkd.artifacts import papers
from advkd.artifacts.number_format import format_p
from advkd.claims.audit import find_all
from advkd.claims.audit.findings import Finding, group_by
from advkd.claims.audit.significance import ChanceControl, compare_top_two, control_by_chance
from advkd.claims.claim_file import Claim, load_claims
from advkd.report.choices import gather_choices
from advkd.settings import config

SIGNIFICANT = 0.05
HEAD = """# Errors and doubts in the papers

{count} points, each once. **{errors} are errors**: two places of a paper contradict each other, or a place contradicts
a definition or the authors of a data set. **{others} are none**: a sentence that only our reading makes wrong, a
difference that chance explains as well, a number that is hard to believe. Each section says which it has.

Sections are sorted by their consequences: conclusions first, then numbers, data sets, equations, and marks of fonts.
Within a section the abstract comes first, then what rests on the most evidence.

Rules find the points in the printed numbers and in the papers' sentences as `paper/claims.yaml` has them. The
equations are rows of [deviations.md](deviations.md), which were written by hand. `advkd errors --out FILE` writes this
page. `advkd audit` prints what each rule checked, also where it found nothing.

To check a point, open the paper at the place that is named. `paper/published/` holds every printed number, with its
table, row and column. [claims.md](claims.md) calls a claim *contradicted* that stands here as an error. One that only
states a wrong difference is among the wrong numbers.

**Our copies of the papers are text, without formatting.** Bold marks are missing in AI-KD's Table 2 and in the ECE
rows of its Table 3, and in all tables of the other two papers. So a published best number is not bold in our tables
either. A wrong mark is only listed where the marks of that column are known.
"""


class Points(NamedTuple):
    """The points of the page: how many are errors and how many are none, and their lines."""

    errors: int
    others: int
    lines: list[str]


class Section(NamedTuple):
    """A group of points of equal consequence.

    Attributes:
        title: its title.
        about: whether they are errors, and what they have in common.
        is_error: whether they are errors.
        has: whether a finding belongs to it.
    """

    title: str
    about: str
    is_error: bool
    has: Callable[[Finding], bool]


SECTIONS = (
    Section(
        "Conclusions that the paper itself contradicts",
        "Errors: a sentence says one thing, and a table or another sentence of the same paper another.",
        True,
        lambda finding: finding.kind == "contradiction" and finding.fact.startswith("claim "),
    ),
    Section(
        "Conclusions that hold for some of the printed numbers only",
        "Not errors for certain: each sentence leaves room, and *how we read it* says what we understand by it.",
        False,
        lambda finding: finding.fact.startswith("claim "),
    ),
    Section(
        "Comparisons that show less than they seem to",
        "No errors: the numbers may be right, but chance or another setting explains the differences as well.",
        False,
        lambda finding: finding.rule == "ablations",
    ),
    Section(
        "Wrong numbers",
        "Errors: two places print different values of one number, or a number does not follow from the others.",
        True,
        lambda finding: finding.rule in ("changes", "averages", "ratios", "repetitions"),
    ),
    Section(
        "Numbers that are hard to believe",
        "No errors that the paper shows: they contradict nothing, but trainings rarely give such numbers.",
        False,
        lambda finding: finding.rule in ("copies", "F1 and error", "chance"),
    ),
    Section(
        "Data sets",
        "Errors: the authors of a data set count otherwise.",
        True,
        lambda finding: finding.rule == "data sets",
    ),
    Section(
        "Marks of fonts",
        "Errors, of marks alone: bold for the best and underlined for the second best, at the wrong number.",
        True,
        lambda finding: finding.rule == "marks",
    ),
)
ABLATIONS = (
    "In the setting of this table the method falls short of its own published number. What the table shows of the"
    " method's parts may not hold at the published setting."
)
CHANCE = 2  # the section in which what chance explains stands
EQUATIONS = """## Equations

Errors, or parts left out: they cannot be meant as printed, lack a part, or differ from the code that the paper builds
on.
[deviations.md](deviations.md) has all readings, with the settings that change them."""


def errors_page() -> str:
    """Return docs/errors-in-the-papers.md."""
    errors, others, lines = list_points()
    return HEAD.format(count=errors + others, errors=errors, others=others) + "\n".join(lines) + "\n"


def list_points() -> Points:
    """Return the points of the page, each once, counted and in the page's order."""
    by_fact = group_by(find_all(), lambda finding: (finding.paper, finding.fact))
    claims = {f"claim {claim.id}": claim for claim in load_claims()}
    facts = [sorted(findings, key=_section_of) for findings in by_fact.values()]
    lines: list[str] = []
    count = errors_only = 0
    for number, section in enumerate(SECTIONS):
        # The last finding of a fact decides: that a number stands twice matters less than what it counts.
        of_section = [findings for findings in facts if _section_of(findings[-1]) == number]
        entries = [_describe(findings, claims.get(findings[0].fact)) for findings in sorted(of_section, key=_rank)]
        if number == CHANCE:
            entries += _describe_chance()
        if number == len(SECTIONS) - 1:
            equations = list(_describe_equations())
            lines += ["", EQUATIONS, "", *_numbered(equations, count)]
            count += len(equations)
            errors_only += len(equations)
        lines += ["", f"## {section.title}", "", section.about, "", *_numbered(entries, count)]
        count += len(entries)
        errors_only += len(entries) * section.is_error
    return Points(errors_only, count - errors_only, lines)


def _section_of(finding: Finding) -> int:
    return next(number for number, section in enumerate(SECTIONS) if section.has(finding))


def _rank(findings: list[Finding]) -> tuple[bool, int, int]:
    """Return the place of an error within its section, to sort by."""
    evidence = sum(max(len(finding.seen), 1) for finding in findings)
    return "abstract" not in findings[0].where, -evidence, config.PAPERS.index(findings[0].paper)


def _numbered(entries: Iterable[list[str]], before: int) -> Iterator[str]:
    """Yield entries as one numbered list. The first line of an entry is its text, the others are bullets below it."""
    for number, (text, *details) in enumerate(entries, before + 1):
        yield f"{number}. {text}"
        indent = " " * (len(str(number)) + 2)
        yield from (f"{indent}- {detail}" for detail in details)


def _describe(findings: list[Finding], claim: Claim | None) -> list[str]:
    """Return an error as lines: what is printed and where, then what speaks against it."""
    first = findings[0]
    if claim:
        return [f"**{first.where}.** {claim.claim}", *_against(findings, claim)]
    messages = list(dict.fromkeys(finding.message for finding in findings))
    if first.rule == "ablations":
        table = first.where.partition(": ")[0]
        return [f"**{table}.** {ABLATIONS}", *(_sentence(message) for message in messages)]
    if len(messages) == 1 and len(findings) > 1:
        source = first.where.partition(": ")[0]
        places = [finding.where.partition(": ")[2] for finding in findings]
        return [f"**{source}.** {len(findings)} numbers {first.printed}: {messages[0]}.", *places]
    seen = dict.fromkeys(f"The paper prints: {number}" for finding in findings for number in finding.seen)
    others = [f"{finding.where}: {finding.message}" for finding in findings[1:] if finding.message != first.message]
    return [f"**{first.where}.** {_sentence(first.message)}", *map(_sentence, others), *seen]


def _against(findings: list[Finding], claim: Claim) -> Iterator[str]:
    """Yield what speaks against a claim, then how we understand the claim."""
    for finding in findings:
        if finding.rule == "claims" and finding.seen:
            yield from (f"The paper prints: {number}" for number in finding.seen)
        else:
            yield _sentence(finding.message)
    if claim.reading:
        yield f"How we read it: {_sentence(claim.reading)}"
    if claim.note:
        yield claim.note


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _describe_chance() -> list[list[str]]:
    """Return what chance explains as well: the best generators of several, and differences within their deviations."""
    entries = [_describe_control(control) for control in control_by_chance()]
    for paper, comparisons in group_by(compare_top_two(), lambda top_two: top_two.paper).items():
        weak = [top_two for top_two in comparisons if top_two.p is None or top_two.p >= SIGNIFICANT]
        if weak:
            text = (
                f"**{papers.about_paper(paper)['short']}.** In {len(weak)} of {len(comparisons)} comparisons the best"
                " number is not significantly better than the second best (Welch's test on the printed standard"
                f" deviations, p ≥ {SIGNIFICANT})."
            )
            p_values = [f"p = {format_p(top_two.p)}" if top_two.p is not None else "no scatter" for top_two in weak]
            pairs = zip(weak, p_values, strict=True)
            entries.append([text, *(f"{', '.join(top_two.seen)}; {p}" for top_two, p in pairs)])
    return entries


def _describe_control(control: ChanceControl) -> list[str]:
    text = (
        f"**{papers.about_paper(control.paper)['short']}.** That connected generators are better than a single one:"
        f" {control.title}."
    )
    details = [
        f"On average: {control.mean_text} of {control.generators} generators against {control.single}."
        + (f" That is no significant difference (p = {format_p(control.p)})." if control.p is not None else ""),
        f"The best: {control.best}. The best of {control.generators} independent generators that scatter alike would be"
        f" {control.expected_text} on average, and at least as good in {100 * control.chance:.0f} % of cases.",
        "Both treat the generators as independent draws. They were trained together, so this is rough.",
    ]
    return [text, *details]


def _describe_equations() -> Iterator[list[str]]:
    """Yield the equations that are read differently from what is printed."""
    for choice in gather_choices():
        if choice.kind == "Printed" and choice.place.startswith("Eq"):
            short = papers.about_paper(choice.paper)["short"]
            why = [_sentence(choice.why)] if choice.why else []
            yield [f"**{short}, {choice.place}.** Printed: {choice.subject}. Read as: {choice.done}.", *why]
