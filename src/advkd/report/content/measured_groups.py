"""What the run groups of the plan measured, tests and controls alike. It describes; only the tests decide."""

from collections.abc import Iterable
from typing import NamedTuple

from advkd.artifacts.measured import Measured
from advkd.artifacts.number_format import format_difference, format_interval, format_measured, format_published
from advkd.artifacts.papers import group_in_words
from advkd.artifacts.seed_results import SeedResults, join_seeds
from advkd.claims.predicates.base import Quantity
from advkd.claims.published import PublishedNumbers, artifact_cells
from advkd.damage import attempt
from advkd.metrics.effect import Effect, Sample, contrast
from advkd.report.content.tested import measure_of
from advkd.settings import catalog, config
from advkd.settings.evidence_plan import Plan
from advkd.settings.names import Run
from advkd.settings.user import User


class MeasuredGroup(NamedTuple):
    """One run group under one metric.

    Attributes:
        name: the group in words.
        group: its name.
        measure: what was measured, in words.
        seeds: how many seeds are finished, of how many.
        ours: mean and sample standard deviation over seeds; why there is none where it says so.
        published: the published number; empty where none is printed.
        lead: how much better the paper's own method is on the same data and network: the mean over seeds of the
            difference, with its 95 % interval; empty before all seeds of both are finished.
        printed_lead: the same of the printed numbers; empty where one of them is not printed.
        is_tested: whether a test of the plan compares the group.
    """

    name: str
    group: str
    measure: str
    seeds: str
    ours: str
    published: str
    lead: str
    printed_lead: str
    is_tested: bool

    @property
    def is_measured(self) -> bool:
        """Whether there is a number of ours."""
        return any(character.isdigit() for character in self.ours.partition("(")[0])


def read_measured(paper: str, plan: Plan, user: User) -> list[MeasuredGroup]:
    """Return what the groups of a paper measured: those of the plan, and those that these learn from."""
    metrics = dict.fromkeys(one.metric for one in plan.contrasts if one.paper == paper)
    directions = {one.metric: one.direction for one in plan.contrasts}
    results: dict[tuple[str, str], SeedResults] = {}
    groups = list(_groups(paper, plan, user))
    tested = {group for one in plan.contrasts for group in (one.better, one.than)}
    rows = []
    for metric in metrics:
        for group in groups:
            runs = [config.resolve(f"{group}/seed{seed}", user) for seed in range(plan.seeds)]
            joined, damage = attempt(join_seeds, runs, metric)
            results[group, metric] = joined or SeedResults(runs, {}, damage, damage)
        for group in groups:
            own = f"{group.rpartition('/')[0]}/{paper}"
            sign = -1 if directions[metric] == "lower" else 1
            row = _row(group, metric, results[group, metric], results.get((own, metric)), sign)
            rows.append(row._replace(printed_lead=_printed_lead(group, own, metric, sign), is_tested=group in tested))
    return rows


def _groups(paper: str, plan: Plan, user: User) -> Iterable[str]:
    """Return the groups of a paper, each after those that it learns from."""
    groups: dict[str, None] = {}
    for wave in plan.waves():
        for group in wave:
            if Run.parse(f"{group}/seed0").paper == paper:
                resolved = config.resolve(f"{group}/seed0", user)
                groups |= dict.fromkeys(run.run.group for run in catalog.with_parents({group: resolved}).values())
    return groups


def _row(group: str, metric: str, results: SeedResults, own: SeedResults | None, sign: int) -> MeasuredGroup:
    factor = measure_of(metric).factor
    values = [factor * value for value in results.values(metric)]
    number = format_measured(Measured(*Sample.from_values(values))) if values and not results.ended else ""
    name, _ = attempt(group_in_words, group)
    return MeasuredGroup(
        name=name or group,
        group=group,
        measure=f"{measure_of(metric).name}{', best generator' if metric.endswith('.best') else ''}",
        seeds=f"{len(results.metrics)} of {len(results.runs)}",
        ours=number or results.status,
        published=_printed(group, metric),
        lead=_lead(results, own, metric, sign * factor) if own and own is not results else "",
        printed_lead="",
        is_tested=False,
    )


def _printed(group: str, metric: str) -> str:
    cells = [cell for cell in artifact_cells() if (cell.run, cell.metric) == (group, metric) and cell.mean]
    return format_published(cells[0].mean, cells[0].std) if cells else ""


def _lead(results: SeedResults, own: SeedResults, metric: str, factor: float) -> str:
    if results.ended or own.ended:
        return ""
    differences = []
    for seed in sorted(results.metrics.keys() & own.metrics.keys()):
        ours, theirs = (side.metrics[seed]["values"].get(metric) for side in (own, results))
        if ours is not None and theirs is not None:
            differences.append(factor * (ours - theirs))
    if len(differences) < len(results.runs):
        return ""
    return _effect_text(contrast((1,), (Sample.from_values(differences),)))


def _printed_lead(group: str, own: str, metric: str, sign: int) -> str:
    if group == own:
        return ""
    published = PublishedNumbers()
    ours, theirs = (published.number(Quantity(name, metric)).sample for name in (own, group))
    if ours is None or theirs is None:
        return ""
    return _effect_text(contrast((sign, -sign), (ours, theirs)), 0.0)


def _effect_text(effect: Effect, digits_of: float | None = None) -> str:
    """Return an effect with its interval; the digits are those of the error unless `digits_of` says otherwise."""
    error = effect.error if digits_of is None else digits_of
    text = format_difference(effect.estimate, error)
    return f"{text} ({format_interval(effect.interval(), error or 0.0)})" if effect.error else text
