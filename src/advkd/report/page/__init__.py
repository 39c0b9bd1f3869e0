"""The report as one HTML file that needs no network, no other file and no build step.

It shows what exists at a scale and trains nothing. What cannot be read is described in its place, and the rest is
built. All text is escaped by Jinja. A content security policy allows only the page's own style and script, by their
hashes, so that nothing in a run's name or log can be executed.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from advkd.artifacts.number_format import format_p, format_statistic
from advkd.artifacts.papers import about_paper
from advkd.damage import attempt
from advkd.files import write_text
from advkd.progress import duration, say
from advkd.report.content import Content
from advkd.report.page.pictures import draw_pictures
from advkd.settings import catalog, config
from advkd.settings.user import User


def write(content: Content, user: User, out: Path) -> None:
    """Write the page to `out`."""
    page = build(content, user)
    write_text(out, page)
    say(f"report at scale {user.scale}: {out.stat().st_size / 1e6:.1f} MB -> {out}")


SECTIONS = {
    "answer": "Answer",
    "claims": "Claims",
    "tables": "Tables",
    "figures": "Figures",
    "samples": "Samples",
    "audit": "Audit",
    "deviations": "Deviations",
    "runs": "Runs",
    "state": "What was run",
}


def build(content: Content, user: User) -> str:
    """Return the page as HTML."""
    claims_by_paper: dict[str, list[Any]] = {}
    for claim in content.claims.items:
        claims_by_paper.setdefault(claim["paper"], []).append(claim)
    return render(
        **content._asdict(),
        sections=SECTIONS,
        plots=draw_pictures(content.answers),
        claims_by_paper=claims_by_paper,
        opened=opened_tables(content),
        papers={paper: short_name(paper) for paper in config.PAPERS},
        user=user,
        options=config.options(user),
    )


def opened_tables(content: Content) -> set[str]:
    """Return the tables that are open at first: of the papers' main tables those with a number of ours, if any is."""
    main = [table for table in content.tables if table.name in catalog.HEADLINES]
    return {table.name for table in main if any(entry.ours for entry in table.entries)} or {one.name for one in main}


def render(**variables: Any) -> str:
    """Return the page, with its style and script inside it."""
    loader = jinja2.PackageLoader("advkd.report.page", "template")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        duration=duration,
        without=without,
        mark_code=mark_code,
        breakable=breakable,
        statistic=format_statistic,
        p_value=format_p,
    )
    style, _, _ = loader.get_source(environment, "page.css")
    script, _, _ = loader.get_source(environment, "page.js")
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none';"
        f" style-src '{policy_hash(style)}'; script-src '{policy_hash(script)}'"
    )
    template = environment.get_template("page.html")
    return template.render(style=style, script=script, policy=policy, **variables)


def short_name(paper: str) -> str:
    """Return the short name of a paper, or its name in runs if paper/papers.yaml cannot be read."""
    about, _ = attempt(about_paper, paper)
    return about["short"] if about else paper


def without(caption: str, title: str) -> str:
    """Return a caption without the title that stands above it already."""
    return caption.removeprefix(f"{title}. ")


def breakable(name: str) -> Markup:
    """Return the name of a run with possible line breaks between its parts."""
    return Markup(re.sub(r"(?<=[/+])", "<wbr>", str(escape(name))))


def mark_code(text: str) -> Markup:
    """Return text in which what stands in backticks is marked as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def policy_hash(source: str) -> str:
    """Return the expression by which a content security policy allows an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
