"""docs/deviations.md: the documented choices (`choices`) as tables, with what each setting is and may be."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import Any, Literal, NamedTuple, get_args, get_origin

from advkd.artifacts import collect
from advkd.report.choices import KINDS, Choice, gather
from advkd.settings import catalog, config
from advkd.settings.names import Run, parse_value, shortest
from advkd.settings.user import User

KEYS_ALONE = re.compile(r" \((?:`\w+`(?:, )?)+\)")
GROUPINGS = (("method",), ("model",), ("dataset",), ("method", "model"), ("method", "dataset"))
FEW = 6  # values that are listed one by one
HEAD = """# Deviations

What the papers leave open or contradict, and what is done here. Written by
`advkd deviations --out docs/deviations.md` from the docstrings of the files that make each choice, which are linked;
`src/advkd/report/choices.py` says how one is written down.

A key changes a choice, in a run's name, as in `okd/codebrim/sagan/okd+rho=0.3`, or in `override`. Beside it stand its
values at scale `paper` and, behind "or", those that a table or a variant (`snakemake okd_variants`, `aikd_variants`,
`gip_variants`) gives it in a run's name, and what else it may be where that is a closed set.

The papers' diagrams are not regenerated, since they show no results: Figures 1 and 2 of the GAN paper, Figures 1 to 3
of AI-KD, Figures 1 and 2 of GIP.
"""


class Table(NamedTuple):
    """The choices of one kind about one paper: plain text, with the source in the last column."""

    paper: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def standing(paper: str, key: str) -> str:
    """Return in words what a setting is in the runs of scale paper, and what else it may be.

    First comes what it is where a run's name does not say, then what names say of it, then the rest of a closed set.
    """
    values, named = _values(paper, key), [shortest(value) for value in _named(paper, key)]
    allowed = [shortest(value) for value in _closed(config.PAPERS[paper].model_fields[key].annotation)]
    listed = ", ".join(named) if len(named) <= FEW else f"{named[0]} to {named[-1]}"
    other = [f"{listed} (also run)"] if named else []
    other += [value for value in allowed if value not in {*named, *(shortest(value) for value, _ in values)}]
    return _grouped(values) + (f", or {', '.join(other)}" if other else "")


def _grouped(values: list[tuple[Any, Run]]) -> str:
    """Return the values of a setting and, where there are several, of which methods, models or data sets each is."""
    owners: dict[str, set[Run]] = {}
    for value, run in values:
        owners.setdefault(shortest(value), set()).add(run)
    if len(owners) < 2:
        return next(iter(owners), "not set")
    runs = set.union(*owners.values())
    *rarer, most = sorted(owners, key=lambda value: len(owners[value]))
    names = {value: _names(owners[value], runs) for value in owners}
    if not all(names[value] for value in rarer):
        return " or ".join(owners)
    last = f" ({', '.join(names[most])})" if 0 < len(names[most]) < 3 else " otherwise"
    return ", ".join([*(f"{value} ({', '.join(names[value])})" for value in rarer), most + last])


def _names(some: set[Run], runs: set[Run]) -> list[str]:
    """Return the methods, models or data sets, or pairs of these, that tell `some` runs from the others, if any do."""
    for grouping in GROUPINGS:
        found: dict[str, set[Run]] = {}
        for run in sorted(runs):
            found.setdefault(" ".join(getattr(run, part) for part in grouping), set()).add(run)
        names = [name for name, members in found.items() if members <= some]
        if set().union(*(found[name] for name in names)) == some:
            return names
    return []


@cache
def _runs() -> tuple[config.Resolved, ...]:
    return tuple(one for one in catalog.all_runs(User(scale="paper")).values() if one.run.seed == 0)


def _values(paper: str, key: str) -> list[tuple[Any, Run]]:
    """Return what a setting is in the runs of a paper whose names set nothing, or else not this setting."""
    having = [
        one for one in _runs() if one.run.paper == paper and key in one.settings and key not in dict(one.run.variant)
    ]
    plain = [one for one in having if not one.run.variant]
    return [(one.settings[key], one.run) for one in plain or having]


def _named(paper: str, key: str) -> list[Any]:
    """Return, in ascending order, what the names of a paper's runs say that a setting is."""
    names = [dict(one.run.variant) for one in _runs() if one.run.paper == paper]
    return sorted({parse_value(name[key]) for name in names if key in name})


def _closed(annotation: Any) -> list[Any]:
    """Return the values of a type that has a closed set of them, None left out; otherwise nothing."""
    if annotation is bool:
        return [True, False]
    parts = get_args(annotation)
    return list(parts) if get_origin(annotation) is Literal else [value for part in parts for value in _closed(part)]


def tables() -> Iterator[Table]:
    """Yield the choices as tables, by paper and kind; columns that would be empty are left out."""
    for (paper, name), choices in groupby(gather(), key=lambda one: (one.paper, one.kind)):
        kind = KINDS[name]
        head = ("place", kind.subject, "here", kind.why, "key", "code")
        columns = list(zip(*(_cells(choice) for choice in choices), strict=True))
        kept = [place for place, column in enumerate(columns) if any(column)]
        rows = zip(*(columns[place] for place in kept), strict=True)
        yield Table(paper, kind.title, tuple(head[place] for place in kept), tuple(rows))


def _cells(choice: Choice) -> tuple[str, ...]:
    # Keys that only stand in brackets behind the text have a column of their own.
    texts = [KEYS_ALONE.sub("", text) for text in (choice.subject, choice.done, choice.why)]
    keys = "; ".join(f"`{key}` = {standing(choice.paper, key)}" for key in choice.keys)
    return choice.place, *texts, keys, choice.source


def document() -> str:
    """Return docs/deviations.md."""
    lines = [HEAD]
    for paper, found in groupby(tables(), key=lambda table: table.paper):
        lines += [f"## {collect.described(f'{paper}_table1')['short']}", ""]
        for table in found:
            lines += [f"### {table.title}", "", _row(table.head), "|---" * len(table.head) + "|"]
            for *cells, source in table.rows:
                link = f"[{source.removesuffix('.py')}](../src/advkd/{source})"
                lines.append(_row([*(re.sub(r"([|*<])", r"\\\1", cell) for cell in cells), link]))
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
