"""docs/errors-in-the-papers.md: what is wrong in the papers, each error once, the most serious first.

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
HEAD = """# What is wrong in the papers

{count} points, each once, the most serious first. `advkd errors --out docs/errors-in-the-papers.md` writes this page.
Rules find the points in the numbers that the papers print; none is typed in. `advkd audit` prints what each rule
checked, also where it found nothing.

They are sorted by their consequences: conclusions first, then numbers, data sets, equations, and marks of fonts. Within
a section the abstract comes first, then what rests on the most evidence.

To check a point, open the paper at the place that is named. `paper/published/` holds every printed number, with its
table, row and column.

**Our copies of the papers are text, without formatting.** Bold marks are missing in AI-KD's Table 2 and in the ECE
rows of its Table 3, and in all tables of the other two papers. So a published best number is not bold in our tables
either. A wrong mark is only listed where the marks of that column are known.
"""


class Section(NamedTuple):
    """A group of errors of equal consequence: its title, what they have in common, and which findings belong to it."""

    title: str
    about: str
    has: Callable[[Finding], bool]


SECTIONS = (
    Section(
        "Conclusions that the paper itself contradicts",
        "A sentence says one thing, and a table or another sentence of the same paper another.",
        lambda finding: finding.kind == "contradiction" and finding.fact.startswith("claim "),
    ),
    Section(
        "Conclusions that the printed numbers do not support",
        "Either they hold for some of the numbers only, or chance explains the numbers as well.",
        lambda finding: finding.rule == "ablations" or finding.fact.startswith("claim "),
    ),
    Section(
        "Wrong numbers",
        "Two places of a paper print different values of one number, or a number does not follow from the others.",
        lambda finding: finding.rule in ("changes", "averages", "ratios", "repetitions"),
    ),
    Section(
        "Numbers that are hard to believe",
        "They contradict nothing, but trainings rarely give such numbers.",
        lambda finding: finding.rule in ("copies", "F1 and error", "chance"),
    ),
    Section(
        "Data sets",
        "What the authors of a data set count otherwise.",
        lambda finding: finding.rule == "data sets",
    ),
    Section(
        "Marks of fonts",
        "Bold for the best and underlined for the second best, at the wrong number. The numbers are not concerned.",
        lambda finding: finding.rule == "marks",
    ),
)
EQUATIONS = """## Equations

They cannot be meant as printed, lack a part, or differ from the code that the paper builds on.
[deviations.md](deviations.md) has all readings, with the settings that change them."""


def errors_page() -> str:
    """Return docs/errors-in-the-papers.md."""
    by_fact = group_by(find_all(), lambda finding: (finding.paper, finding.fact))
    claims = {f"claim {claim.id}": claim for claim in load_claims()}
    errors = [sorted(findings, key=_section_of) for findings in by_fact.values()]
    lines: list[str] = []
    count = 0
    for number, section in enumerate(SECTIONS):
        # The last finding of a fact decides: that a number stands twice matters less than what it counts.
        of_section = [findings for findings in errors if _section_of(findings[-1]) == number]
        entries = [_describe(findings, claims.get(findings[0].fact)) for findings in sorted(of_section, key=_rank)]
        if number == 1:
            entries += _describe_chance()
        if number == len(SECTIONS) - 1:
            equations = list(_describe_equations())
            lines += ["", EQUATIONS, "", *_numbered(equations, count)]
            count += len(equations)
        lines += ["", f"## {section.title}", "", section.about, "", *_numbered(entries, count)]
        count += len(entries)
    return HEAD.format(count=count) + "\n".join(lines) + "\n"


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
    ]
    return [text, *details]


def _describe_equations() -> Iterator[list[str]]:
    """Yield the equations that are read differently from what is printed."""
    for choice in gather_choices():
        if choice.kind == "Printed" and choice.place.startswith("Eq"):
            short = papers.about_paper(choice.paper)["short"]
            why = [_sentence(choice.why)] if choice.why else []
            yield [f"**{short}, {choice.place}.** Printed: {choice.subject}. Read as: {choice.done}.", *why]
