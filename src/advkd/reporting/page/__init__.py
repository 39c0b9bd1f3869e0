"""The report as one HTML file: no network, no other file, no build step.

It holds what exists at a scale and trains nothing. What cannot be read is said in its place, and the rest is built.
All text goes through Jinja's escaping; the page's own style and script are named by their hashes in a policy that
forbids every other, so that nothing in a run's name or log can run.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2

from advkd import catalog, config
from advkd.files import write_text
from advkd.progress import duration, say
from advkd.reporting import audit, claims
from advkd.reporting.page import cells, overview, pictures, records, verdicts
from advkd.reporting.page.damage import attempt
from advkd.settings import User


def write(user: User, out: Path) -> None:
    """Write the page to `out`."""
    content = build(user)
    write_text(out, content)
    say(f"report at scale {user.scale}: {len(content.encode()) / 1e6:.1f} MB -> {out}")


def build(user: User) -> str:
    """Return the page as HTML."""
    runs, problem = attempt(catalog.all_runs, user)
    groups = records.gather(runs or {}, user)
    shown = {
        "groups": groups,
        "tables": [cells.gather(name, groups, user) for name in catalog.tables()],
        "figures": [pictures.figure(name, groups, user) for name in catalog.figures()],
        "samples": pictures.samples(groups),
        "claims": verdicts.claims(claims.report, user),
        "audited": verdicts.audited(audit.checks, audit.readings, audit.controls),
    }
    told = overview.of(groups, shown["tables"], shown["samples"], shown["claims"], shown["audited"], user, problem)
    return render(**shown, overview=told, user=user, options=config.options(user))


def render(**content: Any) -> str:
    """Return the page with its style and script inside it."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("advkd.reporting.page", "template"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["duration"] = duration
    style, script = (templates.loader.get_source(templates, name)[0] for name in ("page.css", "page.js"))
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none';"
        f" style-src '{fingerprint(style)}'; script-src '{fingerprint(script)}'"
    )
    return templates.get_template("page.html").render(style=style, script=script, policy=policy, **content)


def fingerprint(source: str) -> str:
    """Return how a content security policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
