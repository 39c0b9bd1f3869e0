"""The report as one HTML file: no network, no other file, no build step.

It holds what exists at a scale and trains nothing. What cannot be read is said in its place, and the rest is built.
All text goes through Jinja's escaping; the page's own style and script are named by their hashes in a policy that
forbids every other, so that nothing in a run's name or log can run.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from advkd.artifacts.papers import about_paper
from advkd.damage import attempt
from advkd.files import write_text
from advkd.progress import duration, say
from advkd.report.content import Content
from advkd.settings import config
from advkd.settings.user import User


def write(content: Content, user: User, out: Path) -> None:
    """Write the page to `out`."""
    page = build(content, user)
    write_text(out, page)
    say(f"report at scale {user.scale}: {len(page.encode()) / 1e6:.1f} MB -> {out}")


def build(content: Content, user: User) -> str:
    """Return the page as HTML."""
    return render(
        **content._asdict(),
        papers={paper: short(paper) for paper in config.PAPERS},
        user=user,
        options=config.options(user),
    )


def render(**shown: Any) -> str:
    """Return the page with its style and script inside it."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("advkd.report.page", "template"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"duration": duration, "keys": keys, "breakable": breakable}
    style, script = (templates.loader.get_source(templates, name)[0] for name in ("page.css", "page.js"))
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none';"
        f" style-src '{fingerprint(style)}'; script-src '{fingerprint(script)}'"
    )
    return templates.get_template("page.html").render(style=style, script=script, policy=policy, **shown)


def short(paper: str) -> str:
    """Return a paper's short name, or the one in the names of its runs where the other cannot be read."""
    about, _ = attempt(about_paper, paper)
    return about["short"] if about else paper


def breakable(name: str) -> Markup:
    """Return a run's name that may break between its words."""
    return Markup(re.sub(r"(?<=[/+])", "<wbr>", str(escape(name))))


def keys(text: str) -> Markup:
    """Return text whose settings stand in backticks with these as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def fingerprint(source: str) -> str:
    """Return how a content security policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
