"""The audit: the papers' numbers against one another, and what they show statistically. It needs no run.

`rules` find contradictions between printed numbers, `sentences` between sentences and numbers, and `remarks` find
unlikely numbers. `significance` tests the printed differences.
"""

from advkd.artifacts.number_format import format_p, format_statistic
from advkd.claims.audit.findings import Checked, Finding
from advkd.claims.audit.remarks import REMARKS
from advkd.claims.audit.rules import RULES
from advkd.claims.audit.sentences import SENTENCES
from advkd.claims.audit.significance import ChanceControl, TopTwo, compare_top_two, control_by_chance


def run_checks() -> list[Checked]:
    """Return what every rule checked and found: derived numbers, then sentences, then what is unlikely."""
    return [rule() for rule in (*RULES, *SENTENCES, *REMARKS)]


def find_all() -> list[Finding]:
    """Return the findings of all rules, in the order of the rules."""
    return [finding for checked in run_checks() for finding in checked.findings]


def audit_text() -> str:
    """Return the audit as text: what was checked and found, and what the printed numbers show."""
    lines = ["The papers' own numbers, derived again"]
    for checked in run_checks():
        lines += ["", f"{checked.rule}: {checked.count} checked, {len(checked.findings)} found"]
        lines += [f"  {finding.where}: {finding.message}" for finding in checked.findings]
    lines += ["", "The best against the second best, by their printed standard deviations (Welch)"]
    lines += [f"  {_describe_top_two(top_two)}" for top_two in compare_top_two()]
    lines += ["", "Connected generators against what chance gives"]
    lines += [f"  {_describe_control(control)}" for control in control_by_chance()]
    return "\n".join(lines)


def _describe_top_two(top_two: TopTwo) -> str:
    test = "neither scatters"
    if top_two.t is not None and top_two.df is not None and top_two.p is not None:
        test = f"t = {format_statistic(top_two.t)}, df = {top_two.df:.1f}, p = {format_p(top_two.p)}"
    return f"{top_two.where}, {top_two.metric}: {top_two.best} against {top_two.second}; {test}"


def _describe_control(control: ChanceControl) -> str:
    test = "neither scatters"
    if control.t is not None and control.p is not None:
        test = f"t = {format_statistic(control.t)}, p = {format_p(control.p)}"
    return (
        f"{control.run}: mean {control.mean_text} of {control.generators} generators against {control.single} ({test});"
        f" best {control.best}, of independent draws {control.expected_text} on average and as low in"
        f" {100 * control.chance:.0f} % of cases"
    )
