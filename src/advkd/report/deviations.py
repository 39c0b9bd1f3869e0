"""docs/deviations.md: the documented choices as tables, with the values of the settings that control them."""

import itertools
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from advkd.artifacts.papers import about_paper
from advkd.report.choices import KINDS, Choice, gather_choices
from advkd.schema import choices_of
from advkd.settings import catalog, config
from advkd.settings.names import Run, parse_value, shortest
from advkd.settings.papers import RUN_CLASSES
from advkd.settings.user import User

ONLY_SETTINGS = re.compile(r" \((?:`\w+`(?:, )?)+\)")  # brackets that hold nothing but settings
GROUPINGS = (("method",), ("model",), ("dataset",), ("method", "model"), ("method", "dataset"))
MAX_LISTED = 6  # more values than this are given as "first to last"
HEAD = """# Deviations

This document lists what the papers leave open or contradict, and what is done here.
`advkd deviations --out docs/deviations.md` writes it from the docstrings of the files that make each choice. The last
column links these files. `src/advkd/report/choices.py` describes the form of such a docstring.

A setting can change a choice: in a run's name, as in `okd/codebrim/sagan/okd+rho=0.3`, or in `override`. The column
"setting" shows its value at scale `paper` and, after "or", the values that a table or a variant
(`snakemake okd_variants`, `aikd_variants`, `gip_variants`) gives it in a run's name, then the other values that it can
have if these are a closed set.

The papers' diagrams are not reproduced, since they show no results: Figures 1 and 2 of the GAN paper, Figures 1 to 3
of AI-KD, Figures 1 and 2 of GIP.
"""


class Table(NamedTuple):
    """The choices of one kind about one paper.

    Attributes:
        paper: okd, aikd or gip.
        title: the kind's title.
        head: the names of the columns.
        rows: one tuple of plain text for each choice; the last column is the source file.
    """

    paper: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def deviation_tables() -> Iterator[Table]:
    """Yield the choices as tables, by paper and kind. A column that would be empty is left out."""
    for (paper, kind_name), choices in groupby(gather_choices(), key=lambda choice: (choice.paper, choice.kind)):
        kind = KINDS[kind_name]
        head = ("place", kind.subject, "here", kind.why, "setting", "code")
        rows = [_row_texts(choice) for choice in choices]
        is_filled = [any(column) for column in zip(*rows, strict=True)]
        filled_head = tuple(itertools.compress(head, is_filled))
        filled_rows = tuple(tuple(itertools.compress(row, is_filled)) for row in rows)
        yield Table(paper, kind.title, filled_head, filled_rows)


def _row_texts(choice: Choice) -> tuple[str, ...]:
    """Return the texts of a choice, one for each column."""
    # Settings that stand alone in brackets have a column of their own.
    texts = [ONLY_SETTINGS.sub("", text) for text in (choice.subject, choice.done, choice.why)]
    settings = "; ".join(f"`{name}` = {describe_values(choice.paper, name)}" for name in choice.settings)
    return choice.place, *texts, settings, choice.source


def markdown_document() -> str:
    """Return docs/deviations.md."""
    lines = [HEAD]
    for paper, tables in groupby(deviation_tables(), key=lambda table: table.paper):
        lines += [f"## {about_paper(paper)['short']}", ""]
        for table in tables:
            lines += [f"### {table.title}", "", _markdown_row(table.head), "|---" * len(table.head) + "|"]
            for *texts, source in table.rows:
                escaped = [re.sub(r"([|*<])", r"\\\1", text) for text in texts]
                link = f"[{source.removesuffix('.py')}](../src/advkd/{source})"
                lines.append(_markdown_row([*escaped, link]))
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _markdown_row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def describe_values(paper: str, setting: str) -> str:
    """Return the values of a setting in words, for example "1, or 0, 0.1, 0.3, 3 (also run)".

    First come the values in the runs of scale `paper` whose names do not mention the setting, then the values that
    names give it, then the other values that its type allows.
    """
    default_values = _default_values(paper, setting)
    in_names = [shortest(value) for value in _values_in_names(paper, setting)]
    alternatives = []
    if in_names:
        listed = ", ".join(in_names) if len(in_names) <= MAX_LISTED else f"{in_names[0]} to {in_names[-1]}"
        alternatives.append(f"{listed} (also run)")
    mentioned = {*in_names, *(shortest(value) for value, _ in default_values)}
    for value in choices_of(RUN_CLASSES[paper], setting):
        if shortest(value) not in mentioned:
            alternatives.append(shortest(value))
    described = _describe_defaults(default_values)
    return f"{described}, or {', '.join(alternatives)}" if alternatives else described


def _describe_defaults(values: list[tuple[Any, Run]]) -> str:
    """Return the values of a setting and, where there are several, the methods, models or data sets of each."""
    runs_by_value: dict[str, set[Run]] = {}
    for value, run in values:
        runs_by_value.setdefault(shortest(value), set()).add(run)
    if not runs_by_value:
        return "not set"
    if len(runs_by_value) == 1:
        return next(iter(runs_by_value))
    all_runs = set.union(*runs_by_value.values())
    without_variant = {value: sum(not run.variant for run in runs) for value, runs in runs_by_value.items()}
    *rarer, most_common = sorted(runs_by_value, key=lambda value: without_variant[value])
    names = {value: _distinguishing_names(runs, all_runs) for value, runs in runs_by_value.items()}
    if not all(names[value] for value in rarer):
        return " or ".join(runs_by_value)
    parts = [f"{value} ({', '.join(names[value])})" for value in rarer]
    if 0 < len(names[most_common]) < 3:
        parts.append(f"{most_common} ({', '.join(names[most_common])})")
    else:
        parts.append(f"{most_common} otherwise")
    return ", ".join(parts)


def _distinguishing_names(selected: set[Run], runs: set[Run]) -> list[str]:
    """Return the methods, models, data sets or pairs of these that `selected` alone of `runs` have; else nothing."""
    for attributes in GROUPINGS:
        members: dict[str, set[Run]] = {}
        for run in sorted(runs):
            name = " ".join(getattr(run, attribute) for attribute in attributes)
            members.setdefault(name, set()).add(run)
        names = [name for name, with_name in members.items() if with_name <= selected]
        if set().union(*(members[name] for name in names)) == selected:
            return names
    return []


@cache
def _paper_runs() -> tuple[config.Resolved, ...]:
    """Return all runs of scale `paper`, with one seed each."""
    return tuple(run for run in catalog.all_runs(User(scale="paper")).values() if run.run.seed == 0)


def _default_values(paper: str, setting: str) -> list[tuple[Any, Run]]:
    """Return the values of a setting in the paper's runs, with the runs.

    All runs count whose name does not give the setting a value, also those whose name varies other settings: the only
    run of GAN-TSC has such a name.
    """
    return [
        (resolved.settings[setting], resolved.run)
        for resolved in _paper_runs()
        if resolved.run.paper == paper and setting in resolved.settings and setting not in dict(resolved.run.variant)
    ]


def _values_in_names(paper: str, setting: str) -> list[Any]:
    """Return the values that the names of a paper's runs give a setting, in ascending order."""
    variants = [dict(resolved.run.variant) for resolved in _paper_runs() if resolved.run.paper == paper]
    return sorted({parse_value(variant[setting]) for variant in variants if setting in variant})
