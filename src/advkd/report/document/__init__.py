"""The report as a PDF: latexmk sets paper/report.tex, which includes the parts that this package writes.

The first pages answer the papers' main claims. Everything else is in appendices.

The PDF shows what exists at a scale and trains nothing. What cannot be read is described in its place, and the rest is
built. Its tables are those of results/SCALE/tables, made again from the runs. Figures are included if they are drawn.
"""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from advkd.artifacts import latex, papers
from advkd.artifacts.papers import paper_of
from advkd.artifacts.table_layout import layout_table
from advkd.files import atomic, write_text
from advkd.places import find
from advkd.progress import say
from advkd.report.content import Content
from advkd.report.content.forest_plots import forest_plot
from advkd.report.content.runs import RunGroup
from advkd.report.content.tables import Table
from advkd.report.content.tested import test_in_words
from advkd.report.document.templates import artifact_links, environment
from advkd.report.document.tex import typeset
from advkd.runs.state import Kind
from advkd.settings import catalog, config
from advkd.settings.user import User

MAIN = Path("paper/report.tex")
SECTIONS = ("answers", "results", "claims", "audit", "deviations", "runs")
LANDSCAPE_WIDTH = 125  # characters; a wider table stands on a page in landscape


class LatexTable(NamedTuple):
    """A table in LaTeX.

    Attributes:
        table: what the table shows.
        latex: the float; empty if the table cannot be made.
        landscape: whether it needs a page in landscape.
    """

    table: Table
    latex: str
    landscape: bool


def write(content: Content, user: User, out: Path) -> None:
    """Write the PDF to `out`. Its parts are written to results/SCALE/report and stay there.

    Raises:
        UserError: TeX is missing, or cannot set the document.
    """
    folder = Path("results", user.scale, "report")
    for name, text in build_parts(content, user).items():
        write_text(folder / f"{name}.tex", text)
    for answer in content.answers:
        if answer.tests:
            with atomic(folder / f"forest-{answer.paper}.pdf") as temporary:
                temporary.write_bytes(forest_plot(answer, ".pdf"))
    pages = typeset(find(MAIN), folder, out)
    say(f"report at scale {user.scale}: {pages} pages -> {out}")


def build_parts(content: Content, user: User) -> dict[str, str]:
    """Return the files that paper/report.tex includes, by name without suffix."""
    tables = [draw_table(table, user) for table in content.tables]
    started = [group for group in content.groups.values() if is_started(group)]
    variables = {
        **content._asdict(),
        "user": user,
        "options": config.options(user),
        "command": papers.command("paper", user),
        "commit": latex.commit_in_words(),
        "titles": {paper: papers.about_paper(paper)["short"] for paper in config.PAPERS},
        "shared": most_common_verdict([claim["ours"] for claim in content.claims.items]),
        "papers": [list_paper(paper, tables, content) for paper in config.PAPERS],
        "runs": [list_group(group, content.groups) for group in started],
        "not_started": [group for group in content.groups.values() if group not in started],
    }
    templates = environment()
    tags = "".join(rf"\started{{{group.tag}}}" for group in started)
    parts = {"tags": tags} | {name: templates.get_template(f"{name}.tex").render(**variables) for name in SECTIONS}
    for drawn in tables:
        if drawn.latex:
            parts[drawn.table.name] = drawn.latex
    return parts


def is_started(group: RunGroup) -> bool:
    """Tell whether any run of a group was started."""
    return any(record.state.kind is not Kind.NOT_STARTED for record in group.records)


def draw_table(table: Table, user: User) -> LatexTable:
    """Return a table as results/SCALE/tables has it in LaTeX."""
    if table.record.error:
        return LatexTable(table, "", False)
    frame = layout_table(table.record.rows, user)
    landscape = latex.table_width(frame) > LANDSCAPE_WIDTH
    return LatexTable(table, latex.table_to_latex(frame, table.record, user), landscape)


def list_paper(paper: str, tables: list[LatexTable], content: Content) -> dict[str, Any]:
    """Return what papers.yaml says about a paper, with its answer, its tables and its figures.

    The headline table, of those that the target `main` makes, stands beside the answer, unless it needs a page in
    landscape.
    """
    own = [drawn for drawn in tables if paper_of(drawn.table.name) == paper]
    answer = next((one for one in content.answers if one.paper == paper), None)
    headline = next((drawn for drawn in own if drawn.table.name in catalog.targets()["main"]), None)
    beside = headline if headline and headline.latex and not headline.landscape else None
    return {
        **papers.about_paper(paper),
        "paper": paper,
        "answer": answer,
        "tests": [f"{tested.remark}: {test_in_words(tested)}" for tested in answer.tests] if answer else [],
        "measured": [row for row in answer.measured if row.is_measured] if answer else [],
        "headline": headline,
        "beside": beside,
        "tables": own,
        "figures": [figure for figure in content.figures if paper_of(figure.record.name) == paper],
    }


def most_common_verdict(verdicts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return a verdict with the reason that more than half of the verdicts share; None if there is no such reason."""
    reasons = Counter(verdict["why"] for verdict in verdicts if verdict["why"])
    if not reasons:
        return None
    reason, count = reasons.most_common(1)[0]
    if 2 * count <= len(verdicts):
        return None
    return next(verdict for verdict in verdicts if verdict["why"] == reason)


def list_group(group: RunGroup, groups: dict[str, RunGroup]) -> dict[str, Any]:
    """Return the line of a run group: tag, name, states, configurations, where it is shown, and what learns from it."""
    seeds: dict[str, list[str]] = {}
    for record in group.records:
        seeds.setdefault(record.word, []).append(str(record.resolved.run.seed))
    states = []
    for word, of_word in seeds.items():
        states.append(f"{word}: {'seeds' if len(of_word) > 1 else 'seed'} {', '.join(of_word)}")
    artifacts = dict.fromkeys(id.partition("/")[0] for id, _ in (*group.cells, *group.figures))
    return {
        "tag": group.tag,
        "name": group.name,
        "states": "; ".join(states),
        "configuration": " ".join(record.resolved.hash for record in group.records),
        "shown": artifact_links(artifacts),
        "taught": [groups[name].tag for name in group.learners],
    }
