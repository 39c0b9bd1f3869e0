"""What the page says first: what ran, how it ended, and how much of it agrees."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from advkd.progress import duration
from advkd.report.content.cells import Table
from advkd.report.content.pictures import Picture
from advkd.report.content.records import Group
from advkd.report.content.verdicts import Audited, Listed
from advkd.settings import config
from advkd.settings.user import User


class Overview(NamedTuple):
    """Counts, each a mapping from a word to how often it applies, in the order of first appearance.

    made: whether the images are drawn by a program. changed: whether settings differ from the papers'. started: whether
    any training was. seeds: of each paper's runs. tables: each with the counts of its cells. machines: of trainings on
    each. damage: what cannot be read, a line each. filters: for each kind of row the words that the status filter
    offers.
    """

    made: bool
    changed: bool
    started: bool
    seeds: dict[str, int]
    tables: list[tuple[Table, dict[str, int]]]
    runs: dict[str, int]
    machines: dict[str, int]
    time: str
    published: dict[str, int]
    ours: dict[str, int]
    findings: dict[str, int]
    damage: list[str]
    filters: dict[str, list[str]]


def of(
    groups: dict[str, Group],
    tables: list[Table],
    samples: list[Picture],
    claims: Listed,
    audited: Audited,
    user: User,
    problem: str,
) -> Overview:
    """Return the overview of everything that the page shows; `problem` says why there are no groups."""
    records = [record for group in groups.values() for record in group.records]
    damage = [problem, *(line for record in records for line in record.damage)]
    damage += [f"{table.name}: {table.error}" for table in tables if table.error]
    damage += [picture.error for picture in samples]
    damage += [listed.error for listed in (claims, *audited)]
    cells = [(table, counted(entry.filter for entry in table.entries)) for table in tables]
    runs = counted(record.word for record in records)
    published = counted(claim["published"]["word"] for claim in claims.items)
    ours = counted(claim["ours"]["word"] for claim in claims.items)
    kinds = counted(finding.kind for finding in audited.findings)
    return Overview(
        made=config.scale_file(user.scale)["data"] == "made",
        changed=any(group.changed for group in groups.values()),
        started=any(record.state != "not started" for record in records),
        seeds={paper: len(config.seeds(paper, user)) for paper in config.PAPERS},
        tables=cells,
        runs=runs,
        machines=counted(record.machine for record in records if record.machine),
        time=duration(sum(group.seconds for group in groups.values())),
        published=published,
        ours=ours,
        findings=kinds,
        damage=list(dict.fromkeys(filter(None, damage))),
        filters={
            "cell": list(dict.fromkeys(word for _, counts in cells for word in counts)),
            "run": list(runs),
            "claim, ours": list(ours),
            "claim, published": list(published),
            "finding": list(kinds),
        },
    )


def counted(words: Iterable[Any]) -> dict[Any, int]:
    """Return how often each word occurs."""
    return dict(Counter(words))
