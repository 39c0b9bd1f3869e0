"""The report as a PDF: paper/report.tex, which inputs what is written here, through latexmk.

It holds what exists at a scale and trains nothing. What cannot be read is said in its place, and the rest is built. The
tables are those of results/SCALE/tables, made anew from the runs; figures are shown where they are drawn.
"""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from advkd.artifacts import latex, papers
from advkd.artifacts.figure_records import figure_record
from advkd.artifacts.table_layout import layout_table
from advkd.artifacts.table_records import table_record
from advkd.claims import markdown
from advkd.damage import attempt
from advkd.files import write_text
from advkd.progress import duration, say
from advkd.report.content import Content
from advkd.report.content.records import Group
from advkd.report.document.tex import typeset
from advkd.settings import catalog, config
from advkd.settings.tags import tags
from advkd.settings.user import User

MAIN = Path("paper/report.tex")
SECTIONS = ("overview", "claims", "results", "audit", "deviations", "runs")
COMPARED = 2  # comparisons of a claim; the page and docs/claims.md have more
LENGTH = 240  # letters of a verdict's reason; the page and docs/claims.md have it whole
BREADTH = {"place": 2, "setting": 4, "code": 2.5}  # of columns of deviations; all others have 5
WIDE = 125  # letters; a wider table stands in landscape


class Raw(str):
    """Text that is LaTeX already: everything else that a template shows is escaped."""


class Table(NamedTuple):
    """A table in LaTeX, whether it needs a page in landscape, or why it cannot be made."""

    name: str
    latex: str
    wide: bool
    error: str


class Figure(NamedTuple):
    """A figure: its file, or why there is none; tags: of the run groups that it shows."""

    name: str
    title: str
    path: str
    error: str
    command: str
    tags: list[str]


def write(content: Content, user: User, out: Path) -> None:
    """Write the PDF to `out`, from parts that stay in results/SCALE/report.

    Raises:
        UserError: TeX is missing, or cannot set the document.
    """
    folder = Path("results", user.scale, "report")
    for name, text in parts(content, user).items():
        write_text(folder / f"{name}.tex", text)
    pages = typeset(MAIN, folder, out)
    say(f"report at scale {user.scale}: {pages} pages -> {out}")


def parts(content: Content, user: User) -> dict[str, str]:
    """Return the files that paper/report.tex inputs, by name without suffix."""
    made = [table(name, user) for name in catalog.tables()]
    about = {paper: papers.about_paper(paper) for paper in config.PAPERS}
    shown = {
        **content._asdict(),
        "user": user,
        "options": config.options(user),
        "command": f"snakemake --cores all paper {config.options(user)}",
        "commit": latex.commit_in_words(),
        "titles": {paper: about[paper]["short"] for paper in config.PAPERS},
        "shared": shared([claim["ours"] for claim in content.claims.items]),
        "papers": [
            {
                **about[paper],
                "paper": paper,
                "tables": [one for one in made if papers.paper_of(one.name) == paper],
                "figures": [figure(n, user) for n in catalog.figures() if papers.paper_of(n) == paper],
            }
            for paper in config.PAPERS
        ],
        "runs": [listed(group, content.groups) for group in content.groups.values()],
    }
    templates = environment()
    written = {name: templates.get_template(f"{name}.tex").render(**shown) for name in SECTIONS}
    return written | {one.name: one.latex for one in made if not one.error}


def table(name: str, user: User) -> Table:
    """Return a table as results/SCALE/tables has it in LaTeX, made anew; a damaged run spoils its cells alone."""
    record = table_record(name, user)
    if record.error:
        return Table(name, "", False, record.error)
    frame = layout_table(record.rows, user)
    return Table(name, latex.table_to_latex(frame, record, user), latex.table_width(frame) > WIDE, "")


def environment() -> jinja2.Environment:
    """Return Jinja with delimiters that TeX leaves alone, and with every value escaped that is not `Raw`."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("advkd.report.document", "template"),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if isinstance(value, Raw) else breakable(str(value)),
    )
    found.globals |= {"raw": Raw, "code": code, "counts": counts, "brief": brief, "keys": keys, "share": share}
    found.globals |= {"told_in": told_in, "compared": compared}
    found.filters["duration"] = duration
    return found


def breakable(text: str) -> Raw:
    """Return text in LaTeX, in which a run's name may break after the signs between its words, and a checksum."""
    written = re.sub(r"(?<=[\w}])(/|\+|=|\\_)(?=[\w.])", r"\1\\allowbreak{}", latex.escape(text))
    return Raw(re.sub(r"(?<=[0-9a-f]{16})(?=[0-9a-f]{16})", r"\\allowbreak{}", written))


def code(text: str) -> Raw:
    """Return a command or a name in typewriter letters."""
    return Raw(rf"\texttt{{{breakable(text)}}}")


def keys(text: str) -> Raw:
    """Return text whose `keys` stand in typewriter letters."""
    return Raw("".join(code(part) if odd % 2 else breakable(part) for odd, part in enumerate(text.split("`"))))


def share(column: str, head: tuple[str, ...]) -> str:
    """Return the part of the page's width that a column of deviations gets beside the others of `head`."""
    whole = sum(BREADTH.get(name, 5) for name in head)
    return f"{0.94 * BREADTH.get(column, 5) / whole:.3f}"


def counts(found: dict[str, int], plural: str = "") -> str:
    """Return counted words as a list."""
    return ", ".join(f"{number} {word}{plural * (number != 1)}" for word, number in found.items())


def brief(verdict: dict[str, Any]) -> str:
    """Return why a verdict is what it is, cut after LENGTH letters."""
    why = verdict["why"]
    return why if len(why) <= LENGTH else f"{why[:LENGTH].rsplit(' ', 1)[0]} …"


def told_in(claim: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the tables and figures that a claim's command makes, each with the words of its link."""
    return [(name, titled(name)) for name in claim["command"].split() if name in targets()]


def targets() -> list[str]:
    """Return the names of the tables and figures."""
    return [*catalog.tables(), *catalog.figures()]


def titled(artifact: str) -> str:
    """Return what a table or figure is called beside others of its paper."""
    return re.sub(r".*_(table|figure)", lambda kind: f"{kind[1].capitalize()} ", artifact)


def compared(verdict: dict[str, Any]) -> list[str]:
    """Return the first comparisons of a verdict that have numbers, with intervals and effect size, in a line each."""
    found = [markdown.describe_result(result) for result in verdict["comparisons"] if result["estimate"] is not None]
    return found[:COMPARED] + [f"and {len(found) - COMPARED} more"] * (len(found) > COMPARED)


def shared(verdicts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return a verdict whose reason most of them have, so that it is told once; None where there is none."""
    reasons = Counter(verdict["why"] for verdict in verdicts if verdict["why"])
    reason, number = max(reasons.items(), key=lambda pair: pair[1], default=("", 0))
    return next(verdict for verdict in verdicts if verdict["why"] == reason) if 2 * number > len(verdicts) else None


def figure(name: str, user: User) -> Figure:
    """Return a figure of figures/SCALE, or how to make it."""
    record = figure_record(name, user)
    path, problem = attempt(record.file, ".pdf", ".png")
    known = tags(user)
    shown = [known[group] for group in record.groups if group in known]
    return Figure(name, record.title, "" if path is None else str(path), problem, record.command, shown)


def listed(group: Group, groups: dict[str, Group]) -> dict[str, Any]:
    """Return a run group as the last section lists it: tag, name, states, where it is shown, and who learns from it."""
    seeds = defaultdict(list)
    for record in group.records:
        seeds[record.word].append(str(record.one.run.seed))
    artifacts = dict.fromkeys(place.partition("/")[0] for place, _ in (*group.cells, *group.figures))
    return {
        "tag": group.tag,
        "name": group.name,
        "states": "; ".join(f"{word}: seed{'s' * (len(of) > 1)} {', '.join(of)}" for word, of in seeds.items()),
        "configuration": " ".join(record.one.hash for record in group.records),
        "shown": [(name, titled(name)) for name in artifacts],
        "taught": [groups[name].tag for name in group.learners],
    }
