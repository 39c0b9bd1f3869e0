"""What the report shows: everything that exists at a scale, gathered once. The page and the PDF only draw it."""

from typing import NamedTuple

from advkd.claims import audit, judgements
from advkd.claims.audit import significance
from advkd.damage import attempt
from advkd.report import deviations
from advkd.report.content import answers, checks, figures, overview, runs, samples, tables
from advkd.report.content.answers import Answer
from advkd.report.content.checks import Audit, Items
from advkd.report.content.figures import Figure
from advkd.report.content.overview import Overview
from advkd.report.content.runs import RunGroup
from advkd.report.content.samples import SampleGrid
from advkd.report.content.tables import Table
from advkd.runs.state import Kind
from advkd.settings import catalog
from advkd.settings.user import User


class Content(NamedTuple):
    """The content of the report. What cannot be read is described in its place."""

    answers: list[Answer]
    groups: dict[str, RunGroup]
    tables: list[Table]
    figures: list[Figure]
    samples: list[SampleGrid]
    no_samples: str
    claims: Items
    audit: Audit
    deviations: Items
    overview: Overview


def not_built(user: User) -> list[str]:
    """Return why runs cannot be built, one line for each; none where the catalogue itself cannot be read."""
    reasons, _ = attempt(catalog.not_built, user)
    return [f"{name} {Kind.NOT_BUILT.value}: {reason}" for name, reason in (reasons or {}).items()]


def gather_content(user: User) -> Content:
    """Return everything that exists at the user's scale."""
    all_runs, problem = attempt(catalog.all_runs, user)
    groups = runs.gather_groups(all_runs or {}, user)
    read_tables = [tables.read_table(name, groups, user) for name in catalog.tables()]
    grids = samples.gather_samples(groups)
    claims = checks.read_claims(judgements.judge_all, user)
    audited = Audit(
        checks=checks.read_items(audit.run_checks),
        readings=checks.read_items(significance.compare_top_two),
        controls=checks.read_items(significance.control_by_chance),
    )
    return Content(
        answers=answers.gather_answers(user, claims.items),
        groups=groups,
        tables=read_tables,
        figures=[figures.read_figure(name, groups, user) for name in catalog.figures()],
        samples=grids,
        no_samples="" if grids else samples.why_no_samples(groups),
        claims=claims,
        audit=audited,
        deviations=checks.read_items(deviations.deviation_tables),
        overview=overview.summarize(groups, read_tables, grids, claims, audited, user, problem, not_built(user)),
    )
