"""The Jinja environment of the PDF's templates: delimiters that TeX ignores, escaped values, and small helpers."""

import re
from collections.abc import Iterable
from typing import Any

import jinja2

from advkd.artifacts import latex, papers
from advkd.artifacts.mathematics import set_formulas
from advkd.artifacts.number_format import format_p, format_statistic
from advkd.claims.markdown import describe_result
from advkd.progress import duration
from advkd.report.content.forest_plots import forest_in_words
from advkd.settings import catalog

MAX_COMPARISONS = 2  # of a claim; the page and docs/claims.md have all
MAX_REASON = 240  # characters of a verdict's reason; the page and docs/claims.md have all


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
        prose=prose,
        code=code,
        forest_in_words=forest_in_words,
        choice_parts=choice_parts,
        count_list=count_list,
        shorten=shorten,
        mark_code=mark_code,
        claim_links=claim_links,
        list_comparisons=list_comparisons,
    )
    templates.filters.update(duration=duration, statistic=format_statistic, p_value=format_p)
    return templates


def breakable(text: str) -> Raw:
    """Return text in LaTeX with possible line breaks within the names of runs and within checksums."""
    escaped = re.sub(r"(?<=[\w}])(/|\+|=|\\_)(?=[\w.])", r"\1\\allowbreak{}", latex.escape(text))
    return Raw(re.sub(r"(?<=[0-9a-f]{16})(?=[0-9a-f]{16})", r"\\allowbreak{}", escaped))


def prose(text: str) -> Raw:
    """Return text in LaTeX with its formulas in math mode."""
    return Raw(set_formulas(text, breakable))


def code(text: str) -> Raw:
    """Return a command or a name in typewriter type."""
    return Raw(rf"\texttt{{{breakable(text)}}}")


def mark_code(text: str) -> Raw:
    """Return text in which what stands in backticks is in typewriter type."""
    pieces = []
    for index, piece in enumerate(text.split("`")):
        pieces.append(code(piece) if index % 2 else prose(piece))
    return Raw("".join(pieces))


def choice_parts(head: tuple[str, ...], row: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what a row of deviations says between its place and its file, as (capitalized column, text)."""
    parts = zip(head[1:-1], row[1:-1], strict=True)
    return [(name.capitalize(), text.rstrip(".")) for name, text in parts if text]


def count_list(counts: dict[str, int], plural: str = "") -> str:
    """Return counted words as a list: "2 done, 1 outdated". `plural` is appended to words that occur often."""
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
