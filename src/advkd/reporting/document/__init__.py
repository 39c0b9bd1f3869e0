"""The report as a PDF: paper/report.tex, which inputs what is written here, through latexmk.

It holds what exists at a scale and trains nothing. What cannot be read is said in its place, and the rest is built. The
tables are those of results/SCALE/tables, made anew from the runs; figures are shown where they are drawn.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from advkd import catalog, config
from advkd.files import read_yaml, write_text
from advkd.progress import say
from advkd.reporting import collect, latex, notes, tables
from advkd.reporting.content import Content
from advkd.reporting.content.records import DAMAGED, Group
from advkd.reporting.damage import attempt
from advkd.reporting.document.tex import typeset
from advkd.settings import User
from advkd.tags import tags

MAIN = Path("paper/report.tex")
SECTIONS = ("overview", "claims", "results", "audit", "deviations", "runs")
LENGTH = 240  # letters of a verdict's reason; the page and docs/claims.md have it whole
BREADTH = {"place": 2, "key": 4, "code": 2.5}  # of columns of deviations; all others have 5
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
    papers = read_yaml(collect.PAPERS)
    shown = {
        **content._asdict(),
        "user": user,
        "options": config.options(user),
        "command": f"snakemake --cores all paper {config.options(user)}",
        "commit": latex.commit(),
        "titles": {paper: papers[paper]["short"] for paper in config.PAPERS},
        "shared": shared([claim["ours"] for claim in content.claims.items]),
        "papers": [
            {
                **papers[paper],
                "paper": paper,
                "tables": [one for one in made if collect.paper_of(one.name) == paper],
                "figures": [figure(n, user) for n in catalog.figures() if collect.paper_of(n) == paper],
            }
            for paper in config.PAPERS
        ],
        "runs": [listed(group, user) for group in content.groups.values()],
    }
    templates = environment()
    written = {name: templates.get_template(f"{name}.tex").render(**shown) for name in SECTIONS}
    return written | {one.name: one.latex for one in made if not one.error}


def table(name: str, user: User) -> Table:
    """Return a table as results/SCALE/tables has it in LaTeX, made anew; a damaged run spoils its cells alone."""
    cells, problem = attempt(catalog.cells, name)
    if problem:
        return Table(name, "", False, problem)
    damaged = {"status": DAMAGED, "ended": DAMAGED}
    rows = [attempt(collect.row, cell, user)[0] or collect.published(cell, user) | damaged for cell in cells]
    frame = tables.wide(rows, user)
    words = notes.caption(name, rows, user)
    return Table(name, latex.table(frame, words, name, rows, user), latex.width(frame) > WIDE, "")


def environment() -> jinja2.Environment:
    """Return Jinja with delimiters that TeX leaves alone, and with every value escaped that is not `Raw`."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("advkd.reporting.document", "template"),
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


def shared(verdicts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return a verdict whose reason most of them have, so that it is told once; None where there is none."""
    reasons = Counter(verdict["why"] for verdict in verdicts if verdict["why"])
    reason, number = max(reasons.items(), key=lambda pair: pair[1], default=("", 0))
    return next(verdict for verdict in verdicts if verdict["why"] == reason) if 2 * number > len(verdicts) else None


def figure(name: str, user: User) -> Figure:
    """Return a figure of figures/SCALE, or how to make it."""
    about, problem = attempt(collect.described, name)
    number = name.partition("figure")[2]
    title = f"{about['short']}, Figure {number}: {about['shows']}" if about else name
    drawn = [Path("figures", user.scale, f"{name}{suffix}") for suffix in (".pdf", ".png")]
    path = next((path for path in drawn if path.exists()), None)
    cells, unknown = attempt(catalog.cells, name)
    known = tags(user)
    behind = dict.fromkeys(known[group] for cell in cells or () for group in (cell.run, cell.of) if group in known)
    error = problem or unknown or ("" if path else "not drawn yet")
    return Figure(name, title, "" if error else str(path), error,
                  f"snakemake --cores all {name} {config.options(user)}", list(behind))  # fmt: skip


def listed(group: Group, user: User) -> dict[str, Any]:
    """Return a run group as the last section lists it: tag, name, states of its seeds, and where it is shown."""
    states = ", ".join(f"{record.one.run.seed} {record.word}" for record in group.records)
    named = {name: f"{kind.capitalize()} {number}" for name in (*catalog.tables(), *catalog.figures())
             for kind, number in re.findall("(table|figure)(.*)", name)}  # fmt: skip
    cells = {name: attempt(catalog.cells, name)[0] or () for name in named}
    shown = [name for name in named if any(group.name in (cell.run, cell.of) for cell in cells[name])]
    return {
        "tag": tags(user)[group.name],
        "name": group.name,
        "states": states,
        "configuration": " ".join(record.one.hash for record in group.records),
        "shown": [(name, named[name]) for name in shown],
    }
