"""The decisions on a plan as a page: what the claims' tests say, and what would decide the open ones."""

from itertools import groupby
from pathlib import Path

from advkd.artifacts.measured import error_of_interval
from advkd.artifacts.number_format import format_difference, format_interval, format_p
from advkd.artifacts.papers import about_paper
from advkd.claims.evidence import Decision, Outcome, data_cautions, decide_all, join_all
from advkd.settings.evidence_plan import PLAN, load_plan
from advkd.settings.user import User

HEAD = """# {title} at scale `{scale}`

`{plan}` fixed these tests before their results, and says how they decide. A number is how much better the claim's
first method is than the second: the mean over {unit} of the difference of two trainings. p decides: it is two-sided and
corrected for the tests of a paper (Holm). The interval is wider than p needs: it has {level} %, so that all intervals
of a paper hold together with 95 %. What holds here holds at this scale; it does not reproduce the paper's number.
"""
OTHER_SCALE = "**The plan is for scale `{plan}`. At scale `{scale}` nothing below is a test.**\n"


def evidence_page(user: User, file: Path = PLAN) -> str:
    """Return the page of a plan at the user's scale."""
    plan = load_plan(file)
    pairs = join_all(plan, user)
    decisions = decide_all(pairs)
    levels = sorted({f"{100 * decision.level:.3g}" for decision in decisions if decision.effect})
    title, unit = plan.title or "Tests", "draws of the data" if pairs[0].unit == "draws" else "seeds"
    level = " or ".join(levels) or "more than 95"
    lines = [HEAD.format(title=title, scale=user.scale, plan=file, unit=unit, level=level)]
    if user.scale != plan.scale:
        lines.append(OTHER_SCALE.format(plan=plan.scale, scale=user.scale))
    lines += [f"Of outdated data: {caution}\n" for caution in data_cautions(pairs, user)]
    for _, of_paper in groupby(decisions, key=lambda decision: decision.contrast.paper):
        group = list(of_paper)
        if not plan.title:
            lines += [f"## {about_paper(group[0].contrast.paper)['short']}", ""]
        for decision in group:
            lines += _lines(decision)
    return "\n".join(lines)


def _lines(decision: Decision) -> list[str]:
    one = decision.contrast
    lines = [f"**{decision.outcome}**: {one.claim}", ""]
    lines.append(f"- {decision.reason}")
    if decision.effect:
        estimate, error = decision.effect.estimate, decision.effect.error
        interval = format_interval(decision.effect.interval(decision.level), error or 0.0)
        lines.append(
            f"- here {format_difference(estimate, error)} ({interval}), {one.metric}, p = {format_p(decision.p)}"
        )
    if decision.published is not None:
        lines.append(f"- in the paper {decision.published:+.2f}")
        if decision.over_photos:
            photos = format_interval(decision.over_photos, error_of_interval(*decision.over_photos))
            lines.append(f"- {photos} over resampled photos, each with all of its crops")
    if decision.unit == "draws" and decision.effect:
        values = ", ".join(format_difference(value, decision.effect.error) for value in decision.units.values())
        lines.append(f"- {', '.join(decision.units)}: {values}")
    if decision.differences:
        error = decision.effect.error if decision.effect else None
        values = ", ".join(format_difference(value, error) for value in decision.differences.values())
        lines.append(f"- seeds {', '.join(map(str, decision.differences))}: {values}")
    if decision.outcome is Outcome.OPEN and decision.detectable is not None:
        needed = "more than 1,000" if decision.needed is None else f"{decision.needed:,}"
        lines.append(
            f"- these {decision.unit} show a difference of {decision.detectable:.2g} in 80 % of cases; the margin is"
            f" {decision.margin:.2g}; if mean and spread are as seen, {needed} {decision.unit} would decide"
        )
    elif decision.outcome is Outcome.UNFINISHED and decision.detectable is not None:
        lines.append(
            f"- if all {decision.unit} scatter as these, they show a difference of {decision.detectable:.2g} in 80 % of"
            f" cases; the margin is {one.margin}"
        )
    lines += [f"- {one.made}", f"- `{one.better}` against `{one.than}`", ""]
    return lines
