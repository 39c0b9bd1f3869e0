"""The papers' numbers against themselves, and what can be read from them statistically. No run is needed.

Contradictions are found by rules over paper/published (`audit_rules`) and by the claims that a paper's own tables
contradict, though not where only our reading of a sentence is contradicted; what is merely unlikely, by
`audit_remarks`. Means and deviations that are printed with a number of runs
say, by Welch's t, how surely the best of a comparison is better than the second. The GAN paper prints one number a
generator: there, what the best of its connected generators would be by chance, if all were independent draws around
the single GAN.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from advkd.claims import audit_rules, claims
from advkd.claims.audit_remarks import REMARKS
from advkd.claims.audit_rules import Checked, Finding, by, compared, printed
from advkd.claims.predicates import Decrease, Difference
from advkd.metrics.effect import Effect, Sample, contrast, lowest_of_draws
from advkd.settings.catalog import Cell

KINDS = {claims.CONTRADICTED: "contradiction", claims.AS_READ: "remark"}


@dataclass(frozen=True)
class Reading:
    """The best and second best of numbers that a table compares, and Welch's test that they are the same.

    difference: by how much the best is better, in the metric's unit. p: two-sided, None where neither scatters.
    """

    paper: str
    where: str
    metric: str
    best: str
    second: str
    difference: float
    t: float | None
    df: float
    p: float | None


@dataclass(frozen=True)
class Control:
    """What chance gives a group of connected generators, printed once each, beside a single one.

    single: its printed number. mean, deviation: of the generators' numbers. t, p: of the mean against the single one,
    if both scatter alike (df = generators - 1). best: the lowest; expected: the lowest of as many draws around the
    single number with that deviation, on average; chance: how often it is at most `best`. Rough: the deviation is of
    `generators` numbers, and the single one is a draw itself.
    """

    paper: str
    run: str
    against: str
    generators: int
    single: float
    mean: float
    deviation: float
    t: float
    p: float
    best: float
    expected: float
    chance: float


def checks() -> list[Checked]:
    """Return what every rule checked and found: derived numbers, the papers' words, then what is unlikely."""
    return [*(rule() for rule in audit_rules.RULES), contradicted(), *(rule() for rule in REMARKS)]


def findings() -> list[Finding]:
    """Return all contradictions, and remarks on what is unlikely, in the order of the rules."""
    return [finding for checked in checks() for finding in checked.findings]


def contradicted() -> Checked:
    """Check the claims on the papers' own tables; stated changes are left to the rule for these.

    A contradiction is one where the claim says what its sentence says; where it is read into it, a remark.
    """
    found = []
    judged = [one for one in claims.load() if not all(isinstance(part, Difference | Decrease) for part in one.check)]
    verdicts = {claim: claims.published(claim) for claim in judged}
    for claim, verdict in verdicts.items():
        if verdict.word in KINDS:
            against = [part.numbers for part in verdict.parts if part.agrees is False]
            told = f"{claim.id}: {verdict.why}" + (f"; read here as: {claim.reading}" if claim.reading else "")
            found.append(
                Finding("claims", KINDS[verdict.word], claim.paper, f"{claim.paper} {claim.place}", claim.claim,
                        "; ".join(against) or verdict.why, told)
            )  # fmt: skip
    checked = sum(verdict.word == "holds" or verdict.word in KINDS for verdict in verdicts.values())
    return Checked("claims about numbers that tables print", checked, tuple(found))


def readings() -> list[Reading]:
    """Return the best against the second best of every comparison whose two have a printed deviation and n."""
    found = []
    tables = [cell for cell in printed("run") if cell.table != "text" and cell.better]
    for group in by(tables, lambda cell: (*compared(cell), cell.metric)).values():
        sign = 1 if group[0].better == "higher" else -1
        ranked = sorted(group, key=lambda cell: -sign * Decimal(cell.mean))[:2]
        if len(ranked) == 2 and all(cell.std and cell.n for cell in ranked):
            effect = contrast((sign, -sign), [sample(cell) for cell in ranked])
            found.append(reading(*ranked, effect))
    return found


def reading(best: Cell, second: Cell, effect: Effect) -> Reading:
    """Return the reading of a pair of printed numbers."""
    names = [f"{name(cell)} {cell.mean} ± {cell.std}" for cell in (best, second)]
    where = f"{best.table}: {'/'.join(best.run.split('/')[1:3])}"
    difference = abs(Decimal(best.mean) - Decimal(second.mean))
    return Reading(
        audit_rules.paper(best), where, best.metric, *names, float(difference), effect.t(), effect.df, effect.p()
    )


def controls() -> list[Control]:
    """Return the control of every group of which a table prints several generators and, elsewhere, a single one."""
    generators = [cell for cell in printed("run") if re.fullmatch(r"\w+\.G\d", cell.metric) and cell.table != "text"]
    groups = by(generators, lambda cell: cell.run)
    found = []
    for run, group in groups.items():
        single = [own[0] for other, own in groups.items() if len(own) == 1 and other.startswith(run.rpartition("/")[0])]
        if len(group) > 1 and single:
            found.append(control(group, single[0]))
    return found


def control(group: list[Cell], single: Cell) -> Control:
    """Return the control of a group's generators beside a single one."""
    values, alone = [float(cell.mean) for cell in group], float(single.mean)
    drawn = Sample.from_values(values)
    # One draw that scatters as the generators do: its share of the error has their degrees of freedom, not more.
    error = drawn.std * (1 + 1 / drawn.n) ** 0.5
    effect = Effect(alone - drawn.mean, error, drawn.n - 1)
    expected, chance = lowest_of_draws(drawn.n, alone, drawn.std, min(values))
    return Control(
        audit_rules.paper(single), group[0].run, single.run, drawn.n, alone, drawn.mean, drawn.std, effect.t(),
        effect.p(), min(values), expected, chance,
    )  # fmt: skip


def sample(cell: Cell) -> Sample:
    """Return a printed mean with its deviation and number of runs."""
    return Sample(float(cell.mean), float(cell.std), int(cell.n))


def name(cell: Cell) -> str:
    """Return what tells a number from those that it is compared with: the method and its settings."""
    return cell.run.split("/")[3]


def text() -> str:
    """Return the audit as text: what was checked, what contradicts, and what the printed numbers bear out."""
    lines = ["Derived again from the papers' own numbers"]
    for checked in checks():
        lines += ["", f"{checked.rule}: {checked.count} checked, {len(checked.findings)} found"]
        for one in checked.findings:
            lines.append(f"  {one.where}: {one.words}")
    lines += ["", "The best against the second best, by their printed deviations (Welch)"]
    for one in readings():
        sure = "" if one.p is None else f"t = {one.t:.2f}, df = {one.df:.1f}, p = {one.p:.2g}"
        lines.append(f"  {one.where}, {one.metric}: {one.best} against {one.second}; {sure or 'neither scatters'}")
    lines += ["", "Connected generators against what chance gives"]
    for one in controls():
        lines.append(
            f"  {one.run}: mean {one.mean:.2f} ± {one.deviation:.2f} of {one.generators} against {one.single:.2f}"
            f" (t = {one.t:.2f}, p = {one.p:.2f}); best {one.best:.2f}, of independent draws {one.expected:.1f} on"
            f" average and as low in {100 * one.chance:.0f} % of cases"
        )
    return "\n".join(lines)
