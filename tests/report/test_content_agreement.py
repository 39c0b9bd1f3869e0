"""Whether our number agrees with the published one, against scipy's tests."""

import math

import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from advkd.report.content import agreement
from advkd.settings.published_cells import COLUMNS, Cell

BLANK = dict.fromkeys(COLUMNS, "")
DATA = {"source": {"verified": "published checksum"}}


def printed(mean: str, std: str = "", n: str = "", **more: str) -> Cell:
    return Cell(**{**BLANK, "table": "gip_table1", "mean": mean, "std": std, "n": n, "better": "higher", **more})


def ours(mean: float, std: float | None = None, n: int = 1, **more) -> dict:
    return {"mean": mean, "std": std, "n": n, "scale": "paper", "data": DATA} | more


@settings(deadline=None)
@given(
    st.tuples(*[st.floats(-50, 50), st.floats(0.1, 5), st.integers(2, 9)] * 2),
    st.sampled_from(["higher", "lower", ""]),
)
def test_two_spreads_are_judged_by_welch(numbers, better):
    a, s, n, b, r, m = numbers
    p = scipy.stats.ttest_ind_from_stats(a, s, n, b, r, m, equal_var=False).pvalue
    assume(abs(p - 0.05) > 1e-6)
    found = agreement.judge(printed(repr(b), repr(r), str(m), better=better, decimals="12"), ours(a, s, n))
    apart = {"": "differs", "higher": "better" if a > b else "worse", "lower": "better" if a < b else "worse"}[better]
    assert found.verdict == ("agrees" if p > 0.05 else apart)


@settings(deadline=None)
@given(st.floats(-50, 50), st.floats(0.1, 5), st.integers(2, 9), st.floats(-50, 50))
def test_one_seed_is_judged_as_one_more_draw(b, s, n, a):
    p = 2 * scipy.stats.t.sf(abs(a - b) / (s * math.sqrt(1 + 1 / n)), n - 1)
    assume(abs(p - 0.05) > 1e-6)
    theirs = agreement.judge(printed(repr(b), repr(s), str(n), decimals="12"), ours(a))
    mine = agreement.judge(printed(repr(a), decimals="12"), ours(b, s, n))
    assert (theirs.verdict == "agrees") == (mine.verdict == "agrees") == (p > 0.05)


def test_rounding_of_the_print_is_no_difference():
    assert agreement.judge(printed("95.1", "0", "3", decimals="1"), ours(95.149, 0.0, 3)).verdict == "agrees"
    assert agreement.judge(printed("95.1", "0", "3", decimals="1"), ours(95.151, 0.0, 3)).verdict == "better"


@pytest.mark.parametrize(
    ("cell", "row", "verdict"),
    [
        (printed("95"), ours(95.0), "no spread"),
        (printed("95", "1", "3"), {**ours(95.0), "scale": "smoke"}, ""),
        (printed("95", "1", "3"), {"scale": "paper", "status": "not run"}, ""),
        (printed("95", "1", "3"), ours(95.0, data={"source": {"verified": "accepted by the user"}}), "not comparable"),
        (printed("95"), ours(95.0, meta={"features": "efficientnet_lite0", "rank_deficient": False}), "not comparable"),
        (printed("95"), ours(95.0, meta={"features": "inception", "rank_deficient": True}), "not comparable"),
        (printed("50000", kind="data"), ours(50000), "agrees"),
        (printed("3334", kind="data"), ours(3333), "differs"),
    ],
)
def test_only_what_can_be_compared_is_judged(cell, row, verdict):
    assert agreement.judge(cell, row).verdict == verdict


def test_only_scale_paper_reproduces():
    cell = printed("95.13", "0.08", "3", decimals="2")
    elsewhere, paper = (agreement.judge(cell, ours(95.1, 0.1, 3, scale=scale)) for scale in ("small", "paper"))
    assert elsewhere.verdict == paper.verdict == "agrees"
    assert elsewhere.reason == f"{paper.reason}; at scale small this reproduces nothing"


def test_every_verdict_has_a_sign_of_its_own():
    assert len(set(agreement.SIGNS.values())) == len(agreement.SIGNS)


def test_the_reason_has_the_digits_of_the_difference_s_error():
    reason = agreement.judge(printed("95.13", "0.08", "3", decimals="2"), ours(61.0, 1.4, 3)).reason
    assert reason == "ours minus published -34.13, 95 % interval -37.59 to -30.67 (Welch, n = 3 and 3)"
    reason = agreement.judge(printed("95.13", decimals="2"), ours(61.0, images_error=4.8)).reason
    assert reason == "ours minus published -34.1; no spread on either side, n = 1 and 1"
