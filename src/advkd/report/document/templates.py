"""The Jinja environment of the PDF's templates: delimiters that TeX ignores, escaped values, and small helpers."""

import re
from collections.abc import Iterable
from typing import Any

import jinja2

from advkd.artifacts import latex, papers
from advkd.artifacts.number_format import format_p, format_statistic
from advkd.claims.markdown import describe_result
from advkd.progress import duration
from advkd.settings import catalog

MAX_COMPARISONS = 2  # of a claim; the page and docs/claims.md have all
MAX_REASON = 240  # characters of a verdict's reason; the page and docs/claims.md have all
COLUMN_WEIGHTS = {"place": 2, "setting": 4, "code": 2.5}  # relative widths in the tables of deviations
OTHER_WEIGHT = 5  # of any other column


class Raw(str):
    """Text that is LaTeX already. Everything else that a template shows is escaped."""


def environment() -> jinja2.Environment:
    """Return the environment of the templates."""
    templates = jinja2.Environment(
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
    templates.globals.update(
        raw=Raw,
        code=code,
        count_list=count_list,
        shorten=shorten,
        mark_code=mark_code,
        column_width=column_width,
        claim_links=claim_links,
        list_comparisons=list_comparisons,
    )
    templates.filters.update(duration=duration, statistic=format_statistic, p_value=format_p)
    return templates


def breakable(text: str) -> Raw:
    """Return text in LaTeX with possible line breaks within the names of runs and within checksums."""
    escaped = re.sub(r"(?<=[\w}])(/|\+|=|\\_)(?=[\w.])", r"\1\\allowbreak{}", latex.escape(text))
    return Raw(re.sub(r"(?<=[0-9a-f]{16})(?=[0-9a-f]{16})", r"\\allowbreak{}", escaped))


def code(text: str) -> Raw:
    """Return a command or a name in typewriter type."""
    return Raw(rf"\texttt{{{breakable(text)}}}")


def mark_code(text: str) -> Raw:
    """Return text in which what stands in backticks is in typewriter type."""
    pieces = []
    for index, piece in enumerate(text.split("`")):
        pieces.append(code(piece) if index % 2 else breakable(piece))
    return Raw("".join(pieces))


def column_width(column: str, head: tuple[str, ...]) -> str:
    """Return the width of a column of deviations, as a fraction of the line, beside the other columns of `head`."""
    total = sum(COLUMN_WEIGHTS.get(name, OTHER_WEIGHT) for name in head)
    return f"{0.94 * COLUMN_WEIGHTS.get(column, OTHER_WEIGHT) / total:.3f}"


def count_list(counts: dict[str, int], plural: str = "") -> str:
    """Return counted words as a list, for example "2 done, 1 stale". `plural` is appended to words that occur often."""
    return ", ".join(f"{count} {word if count == 1 else word + plural}" for word, count in counts.items())


def shorten(reason: str) -> str:
    """Return the reason of a verdict, cut after MAX_REASON characters."""
    if len(reason) <= MAX_REASON:
        return reason
    return f"{reason[:MAX_REASON].rsplit(' ', 1)[0]} …"


def claim_links(claim: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the tables and figures that a claim's command makes, as (name, text of the link)."""
    artifacts = [*catalog.tables(), *catalog.figures()]
    return artifact_links(word for word in claim["command"].split() if word in artifacts)


def artifact_links(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return tables and figures as (name, text of the link)."""
    return [(name, papers.number(name)) for name in names]


def list_comparisons(verdict: dict[str, Any]) -> list[str]:
    """Return the first comparisons of a verdict that have numbers, one line each, with interval and effect size."""
    lines = [describe_result(result) for result in verdict["comparisons"] if result["estimate"] is not None]
    if len(lines) > MAX_COMPARISONS:
        return [*lines[:MAX_COMPARISONS], f"and {len(lines) - MAX_COMPARISONS} more"]
    return lines
