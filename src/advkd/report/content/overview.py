"""The overview at the beginning of the report: what ran, how it ended, and how much of it agrees."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from advkd.damage import attempt
from advkd.progress import duration
from advkd.report.content.checks import Audit, Items
from advkd.report.content.runs import RunGroup
from advkd.report.content.samples import SampleGrid
from advkd.report.content.tables import Table
from advkd.report.paper_errors import list_points
from advkd.runs.state import Kind
from advkd.settings import config, config_files
from advkd.settings.user import User

Counts = dict[str, int]  # how often each word applies, in the order of first appearance


class Overview(NamedTuple):
    """The overview.

    Attributes:
        drawn_images: whether a program draws the images of this scale.
        changed: whether settings differ from those of scale `paper`.
        started: whether any training was started.
        seeds: the number of seeds of each paper's runs.
        tables: each table with the counts of its cells.
        runs: counts of the runs' states.
        machines: the number of trainings on each machine.
        time: the wall time of all trainings, as text.
        published, ours: counts of the claims' verdicts on the published numbers and on ours.
        findings: counts of the audit's findings; several rules may find one fact.
        errors: how many errors and doubts docs/errors-in-the-papers.md lists, each once; empty if it cannot be read.
        damage: what cannot be read, one line each.
        not_built: the runs whose settings are impossible, one line each.
        filters: for each kind of row, the words that the status filter of the page offers.
    """

    drawn_images: bool
    changed: bool
    started: bool
    seeds: Counts
    tables: list[tuple[Table, Counts]]
    runs: Counts
    machines: Counts
    time: str
    published: Counts
    ours: Counts
    findings: Counts
    errors: str
    damage: list[str]
    not_built: list[str]
    filters: dict[str, list[str]]


def summarize(
    groups: dict[str, RunGroup],
    tables: list[Table],
    samples: list[SampleGrid],
    claims: Items,
    audit: Audit,
    user: User,
    problem: str,
    not_built: list[str],
) -> Overview:
    """Return the overview of everything that the report shows; `problem` says why there are no groups.

    `not_built` says of each run that cannot be built why.
    """
    records = [record for group in groups.values() for record in group.records]
    cells = [(table, count_filters(table)) for table in tables]
    runs = count_words(record.word for record in records)
    published = count_words(claim["published"]["word"] for claim in claims.items)
    ours = count_words(claim["ours"]["word"] for claim in claims.items)
    findings = count_words(finding.kind for finding in audit.findings)
    points, _ = attempt(list_points)  # the audit says what it cannot read
    cell_words = dict.fromkeys(word for _, counts in cells for word in counts)
    return Overview(
        drawn_images=config_files.scale_file(user.scale).data == "made",
        changed=any(group.changed for group in groups.values()),
        started=any(record.state.kind is not Kind.NOT_STARTED for record in records),
        seeds={paper: len(config.seeds(paper, user)) for paper in config.PAPERS},
        tables=cells,
        runs=runs,
        machines=count_words(record.machine for record in records if record.machine),
        time=duration(sum(group.seconds for group in groups.values())),
        published=published,
        ours=ours,
        findings=findings,
        errors=f"{points.errors} errors, {points.others} doubts" if points else "",
        damage=list_damage(groups, tables, samples, claims, audit, problem),
        not_built=not_built,
        filters={
            "cell": list(cell_words),
            "run": list(runs),
            "claim, ours": list(ours),
            "claim, published": list(published),
            "finding": list(findings),
        },
    )


def count_filters(table: Table) -> Counts:
    """Return how often each word of the status filter applies to a cell of a table."""
    return count_words(entry.filter for entry in table.entries)


def list_damage(
    groups: dict[str, RunGroup],
    tables: list[Table],
    samples: list[SampleGrid],
    claims: Items,
    audit: Audit,
    problem: str,
) -> list[str]:
    """Return everything that cannot be read, one line each, each line once."""
    lines = [problem]
    for group in groups.values():
        for record in group.records:
            lines += record.damage
    lines += [f"{table.name}: {table.record.error}" for table in tables if table.record.error]
    lines += [grid.error for grid in samples]
    lines += [section.error for section in (claims, *audit)]
    return list(dict.fromkeys(line for line in lines if line))


def count_words(words: Iterable[str]) -> Counts:
    """Return how often each word occurs."""
    return dict(Counter(words))
