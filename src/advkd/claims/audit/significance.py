"""What the printed numbers show statistically: the best against the second best, and several generators against chance.

Where a paper prints standard deviations and numbers of runs, Welch's test says how surely the best number of a
comparison is better than the second best. OKD-SAGAN's paper prints one number for each generator. There we compute how
good the best of its connected generators would be by chance, if all of them were independent draws around the number of
the single GAN.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from advkd.artifacts.measured import Measured
from advkd.artifacts.number_format import format_estimate, format_measured
from advkd.claims.audit.findings import comparison_key, describe_cells, group_by, paper_of, printed_cells
from advkd.metrics.effect import Effect, Sample, contrast, lowest_of_draws
from advkd.settings.published_cells import Cell


@dataclass(frozen=True)
class TopTwo:
    """The best and the second best of the numbers that a table compares, and Welch's test that they are equal.

    Attributes:
        best, second: the method and its printed number.
        seen: the two numbers with their places in the paper.
        difference: by how much the best is better, in the metric's unit, with the printed decimals.
        t, df, p: of Welch's two-sided test; t and p are None if neither number scatters.
    """

    paper: str
    where: str
    metric: str
    best: str
    second: str
    seen: tuple[str, ...]
    difference: str
    t: float | None
    df: float | None
    p: float | None


@dataclass(frozen=True)
class ChanceControl:
    """A group of connected generators beside a single one, and what chance alone would give.

    This is a rough estimate: the standard deviation comes from few numbers, and the single number is itself one draw.

    Attributes:
        title: the connected generators and the single one, as the table calls them.
        run, against: their run groups.
        generators: the number of connected generators.
        single: the number of the single generator, as printed.
        mean, deviation: mean and sample standard deviation of the connected generators' numbers.
        t, p: of the test that their mean equals the single number, if both scatter alike (generators - 1 degrees of
            freedom).
        best: the lowest number of the connected generators, as printed.
        expected: the lowest of as many draws around the single number, on average.
        chance: the probability that the lowest of these draws is at most `best`.
    """

    paper: str
    title: str
    run: str
    against: str
    generators: int
    single: str
    mean: float
    deviation: float
    t: float | None
    p: float | None
    best: str
    expected: float
    chance: float

    @property
    def mean_text(self) -> str:
        """Mean ± sample standard deviation of the connected generators' numbers."""
        return format_measured(Measured(self.mean, self.deviation, self.generators))

    @property
    def expected_text(self) -> str:
        """The expected lowest draw, with the decimals that the scatter of one draw allows."""
        return format_estimate(self.expected, self.deviation)


def compare_top_two() -> list[TopTwo]:
    """Compare the best with the second best of every comparison where both have a printed deviation and n."""
    cells = [cell for cell in printed_cells("run") if cell.table != "text" and cell.better]
    comparisons = []
    for group in group_by(cells, lambda cell: (*comparison_key(cell), cell.metric)).values():
        sign = 1 if group[0].better == "higher" else -1
        ranked = sorted(group, key=lambda cell: -sign * Decimal(cell.mean))[:2]
        if len(ranked) == 2 and all(cell.std and cell.n for cell in ranked):
            best, second = ranked
            effect = contrast((sign, -sign), [_sample(best), _sample(second)])
            comparisons.append(_top_two(best, second, effect))
    return comparisons


def _top_two(best: Cell, second: Cell, effect: Effect) -> TopTwo:
    return TopTwo(
        paper_of(best),
        where=f"{best.table}: {'/'.join(best.run.split('/')[1:3])}",
        metric=best.metric,
        best=_describe(best),
        second=_describe(second),
        seen=tuple(describe_cells((best, second))),
        difference=str(abs(Decimal(best.mean) - Decimal(second.mean))),
        t=effect.t(),
        df=effect.df,
        p=effect.p(),
    )


def _describe(cell: Cell) -> str:
    """Return the method of a run group, with its settings, and its printed number."""
    return f"{cell.run.split('/')[3]} {cell.mean} ± {cell.std}"


def _sample(cell: Cell) -> Sample:
    return Sample(float(cell.mean), float(cell.std), int(cell.n))


def control_by_chance() -> list[ChanceControl]:
    """Return the control of every group with several printed generators for which a single one is printed too."""
    cells = [cell for cell in printed_cells("run") if cell.table != "text" and re.fullmatch(r"\w+\.G\d", cell.metric)]
    groups = group_by(cells, lambda cell: cell.run)
    controls = []
    for run, generators in groups.items():
        network = run.rpartition("/")[0]
        singles = [group[0] for other, group in groups.items() if len(group) == 1 and other.startswith(network)]
        if len(generators) > 1 and singles:
            controls.append(_chance_control(generators, singles[0]))
    return controls


def _chance_control(generators: list[Cell], single: Cell) -> ChanceControl:
    best = min((cell.mean for cell in generators), key=Decimal)
    single_value = float(single.mean)
    sample = Sample.from_values([float(cell.mean) for cell in generators])
    if sample.std is None:
        raise ValueError("a control needs at least two generators")
    # The single number is one draw that scatters as the generators do. Its share of the error is estimated from the
    # same numbers, so the degrees of freedom are theirs.
    error = sample.std * (1 + 1 / sample.n) ** 0.5
    effect = Effect(single_value - sample.mean, error, sample.n - 1)
    expected, chance = lowest_of_draws(sample.n, single_value, sample.std, float(best))
    return ChanceControl(
        paper_of(single),
        title=f"{generators[0].row.rpartition(' ')[0]} against {single.row}",
        run=generators[0].run,
        against=single.run,
        generators=sample.n,
        single=single.mean,
        mean=sample.mean,
        deviation=sample.std,
        t=effect.t(),
        p=effect.p(),
        best=best,
        expected=expected,
        chance=chance,
    )
