"""Whether our number agrees with the published one, given the spread over seeds of either side.

The difference is ours minus the published number, with a 95 % interval:

- if both have a spread, Welch's interval;
- if only one has, Student's interval with this spread for both; the number on the other side counts as one draw;
- if neither has, there is no interval and no verdict.

Our number agrees if the interval, widened by the rounding of the printed number, contains zero. This says little where
the interval is wide. Numbers are only compared if they measure the same on the same data: not at smoke scale, not on
other data than the official ones or on a part of them, and not where FID was computed with other weights or too few
images. A number is reproduced if it agrees at scale `paper` (docs/words.md); at another scale other networks were
trained.
"""

import math
from typing import Any, NamedTuple

from advkd.artifacts.number_format import DEFAULT_DECIMALS, format_difference, format_interval
from advkd.metrics.effect import Effect, Sample, contrast
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.published_cells import Cell

AGREES, BETTER, WORSE, DIFFERS = "agrees", "better", "worse", "differs"
UNJUDGED, INCOMPARABLE, NOTHING = "no spread", "not comparable", ""
NOT_PAPER = "this reproduces nothing"
# Colour alone would not be accessible: each verdict has a sign and a word.
SIGNS = {AGREES: "=", BETTER: "▲", WORSE: "▼", DIFFERS: "≠", UNJUDGED: "?", INCOMPARABLE: "~", NOTHING: ""}


class Agreement(NamedTuple):
    """A verdict, which is a key of SIGNS, and the reason for it; both empty if there is nothing to compare."""

    verdict: str = NOTHING
    reason: str = ""

    @property
    def sign(self) -> str:
        """The verdict's sign."""
        return SIGNS[self.verdict]


def judge(cell: Cell, row: dict[str, Any], other_data: str = "") -> Agreement:
    """Return how our number compares with the published number of a cell.

    Args:
        cell: the cell.
        row: its row of `table_cells.readable_row`, with our number.
        other_data: the settings in which the prepared data differ from the paper's; empty if there is none.
    """
    if row.get("mean") is None or not cell.mean or row["scale"] == "smoke":
        return Agreement()
    if cell.kind == "data":
        equal = row["mean"] == parse_printed(cell.mean)
        return Agreement(AGREES if equal else DIFFERS, "a count: equal or not")
    if reason := why_incomparable(row, other_data):
        return Agreement(INCOMPARABLE, reason)
    effect, basis = difference(
        Sample(row["mean"], row.get("std"), row["n"]),
        Sample(parse_printed(cell.mean), parse_printed(cell.std) if cell.std else None, int(cell.n or 1)),
    )
    unit = f" {cell.unit}" if cell.unit else ""
    decimals = int(cell.decimals or DEFAULT_DECIMALS)
    error = row.get("images_error") if effect.error is None else effect.error
    distance = f"ours minus published {format_difference(effect.estimate, error, decimals)}{unit}"
    if effect.error is None:
        return Agreement(UNJUDGED, f"{distance}; {basis}")
    low, high = effect.interval()
    reason = f"{distance}, 95 % interval {format_interval((low, high), effect.error)} ({basis})"
    rounding = 0.5 * 10.0**-decimals
    if low <= rounding and high >= -rounding:
        return Agreement(
            AGREES, reason if row["scale"] == "paper" else f"{reason}; at scale {row['scale']} {NOT_PAPER}"
        )
    if not cell.better:
        return Agreement(DIFFERS, reason)
    is_higher = effect.estimate > 0
    return Agreement(BETTER if is_higher == (cell.better == "higher") else WORSE, reason)


def why_incomparable(row: dict[str, Any], other_data: str) -> str:
    """Return why our number does not measure what the paper measured; empty if it does."""
    verified = row["data"]["source"]["verified"] if "data" in row else ""
    if verified in ("drawn on the spot", "the user's own images", "accepted by the user"):
        return f"other data than the paper's: {verified}"
    if other_data:
        return f"other data than the paper's: {other_data}"
    if "meta" in row and not (network := NETWORKS[row["meta"]["features"]]).is_fid:
        return f"a Fréchet distance on {network.words}, not an FID"
    if "meta" in row and row["meta"]["rank_deficient"]:
        return "FID of fewer images than features"
    return ""


def difference(ours: Sample, published: Sample) -> tuple[Effect, str]:
    """Return `ours` minus `published`, and what its interval is based on, in words."""
    with_spread = [side for side in (ours, published) if side.std is not None and side.n > 1]
    sizes = f"n = {ours.n} and {published.n}"
    if len(with_spread) == 2:
        return contrast((1, -1), (ours, published)), f"Welch, {sizes}"
    estimate = ours.mean - published.mean
    if not with_spread:
        return Effect(estimate, None, None), f"no spread on either side, {sizes}"
    (sample,) = with_spread
    assert sample.std is not None  # by the selection above
    error = sample.std * math.sqrt(1 / ours.n + 1 / published.n)
    side = "our" if sample is ours else "the published"
    return Effect(estimate, error, sample.n - 1), f"Student with {side} spread for both, {sizes}"


def parse_printed(number: str) -> float:
    """Return a printed number, in which commas may separate thousands."""
    return float(number.replace(",", ""))
