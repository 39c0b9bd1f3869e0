"""What the report shows, as a PDF or as a page: everything that exists at a scale."""

from typing import NamedTuple

from advkd.claims import audit, judgements
from advkd.damage import attempt
from advkd.report import deviations
from advkd.report.content import cells, overview, pictures, records, verdicts
from advkd.report.content.cells import Table
from advkd.report.content.overview import Overview
from advkd.report.content.pictures import Picture
from advkd.report.content.records import Group
from advkd.report.content.verdicts import Audited, Listed
from advkd.settings import catalog
from advkd.settings.user import User


class Content(NamedTuple):
    """All that is shown; what cannot be read is said in its place."""

    groups: dict[str, Group]
    tables: list[Table]
    figures: list[Picture]
    samples: list[Picture]
    claims: Listed
    audited: Audited
    deviations: Listed
    overview: Overview


def gather(user: User) -> Content:
    """Return all that exists at the user's scale."""
    runs, problem = attempt(catalog.all_runs, user)
    groups = records.gather(runs or {}, user)
    tables = [cells.gather(name, groups, user) for name in catalog.tables()]
    samples = pictures.samples(groups)
    judged = verdicts.claims(judgements.judge_all, user)
    audited = verdicts.audited(audit.run_checks, audit.compare_top_two, audit.control_by_chance)
    told = overview.of(groups, tables, samples, judged, audited, user, problem)
    figures = [pictures.figure(name, groups, user) for name in catalog.figures()]
    made = verdicts.listed(deviations.deviation_tables)
    return Content(groups, tables, figures, samples, judged, audited, made, told)
