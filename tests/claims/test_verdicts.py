import math

import numpy as np
import pytest
from scipy import stats

from advkd.claims.claim_file import Claim, load_claims
from advkd.claims.number import Number
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.verdicts import Verdict, judge_ours, judge_published
from advkd.metrics.effect import Sample
from advkd.settings import config

CLAIMS = {claim.id: claim for claim in load_claims()}
# What the papers' own tables contradict, as read by hand; the other claims hold or are not printed.
CONTRADICTED = {
    "aikd-gain-cskd", "aikd-top5-resnet", "aikd-ablation-gains", "aikd-omega-values", "gip-entropy-needed"
}  # fmt: skip
IN_OUR_READING = {
    "okd-sagan-all", "okd-acgan-all", "aikd-top1", "aikd-top5", "aikd-f1-everywhere", "aikd-omega-insensitive",
    "aikd-augmentations-help",
}  # fmt: skip
NOT_PRINTED = {
    "okd-connectors", "okd-connectors-help", "okd-useful", "aikd-overconfident", "aikd-critic", "aikd-tau-guide",
    "aikd-tau-progressive", "gip-seconds", "gip-delta",
}  # fmt: skip
C100 = "gip/cifar100/resnet18"


def claim_with(*checks):
    return Claim(id="one", paper="gip", place="here", claim="…", check=[{"metric": "m", **check} for check in checks])


class GivenNumbers(OurNumbers):
    """Numbers of our runs by the name of their group: a list of values over seeds, or a Number."""

    def __init__(self, numbers, scale="paper"):
        super().__init__(config.user({"scale": scale}))
        self.given = numbers

    def number(self, quantity):
        number = self.given.get(quantity.run.split("/")[-1], Number(None, "not run"))
        return number if isinstance(number, Number) else Number(Sample.from_values(number), "done")

    def image_interval(self, comparison):
        return None


def judge(check, numbers, scale="paper"):
    return judge_ours(claim_with({"under": [C100], **check}), GivenNumbers(numbers, scale))


# --- on printed numbers


def test_every_claim_on_the_printed_numbers():
    assert len(CLAIMS) >= 50 and not any(claim.problem for claim in CLAIMS.values())
    words = {name: judge_published(claim).word for name, claim in CLAIMS.items()}
    assert {name for name, word in words.items() if word == "contradicted"} == CONTRADICTED
    assert {name for name, word in words.items() if word == "contradicted in our reading"} == IN_OUR_READING
    assert {name for name, word in words.items() if word == "not printed"} == NOT_PRINTED


def test_a_reading_that_the_printed_numbers_contradict_is_no_contradiction():
    """The comparisons and the reason are the same. Only the word of the verdict differs."""
    claim = CLAIMS["aikd-gain-cskd"]
    plain, read = judge_published(claim), judge_published(claim.model_copy(update={"reading": "in Table 2."}))
    assert (plain.word, read.word) == ("contradicted", "contradicted in our reading")
    assert (plain.why, plain.comparisons) == (read.why, read.comparisons)
    held = CLAIMS["aikd-gain-pskd"]
    assert judge_published(held.model_copy(update={"reading": "…"})) == judge_published(held)
    assert judge_ours(CLAIMS["okd-sagan-all"], GivenNumbers({})).word == "not run"


def test_what_the_printed_standard_deviations_can_test():
    expected = {
        # Table 3: 99.30 ± 0.04 against 99.16.
        "gip-gantsc": "the paper prints a standard deviation for one side of a comparison only",
        "gip-dafl": "the paper prints no standard deviations, so significance is unknown",
        "aikd-gain-pskd": "differences significant by the printed standard deviations (Welch, p < 0.05): 1 of 1",
        "aikd-cifar100-error": "as printed in the table",
    }
    assert {name: judge_published(CLAIMS[name]).why for name in expected} == expected


def test_printed_numbers_are_compared_as_printed():
    """Where two tables print different deviations of a run group, that of the claim's own table counts."""
    (result,) = judge_published(CLAIMS["aikd-gain-pskd"]).comparisons
    expected = stats.ttest_ind_from_stats(21.16, 0.22, 3, 19.87, 0.10, 3, equal_var=False)
    assert (result.estimate, result.n, result.agrees) == (1.29, (3, 3), True)
    assert (result.t, result.p) == pytest.approx((expected.statistic, expected.pvalue))
    results = judge_published(CLAIMS["aikd-ablation"]).comparisons
    of_table4 = next(result for result in results if "No Adv −" in result.compared)
    assert of_table4.t == pytest.approx((20.34 - 19.87) / math.sqrt((0.28**2 + 0.07**2) / 3))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("aikd-gain-cskd", "21.67 − 19.87 = 1.80 (claimed: 1.43)"),
        ("aikd-ablation-gains", "23.97 − 21.26 = 2.71 (claimed: 1.80)"),
        ("aikd-f1-everywhere", "0.581 − 0.581 = 0.000 (claimed: above 0)"),
        ("okd-acgan-all", "178.92 − 179.31 = −0.39"),
        ("gip-entropy-needed", "76.62 (claimed: below 10)"),
        ("aikd-omega-values", "Table 5 has 8 rows, not 5"),
    ],
)
def test_a_contradiction_names_both_numbers(name, numbers):
    assert numbers in judge_published(CLAIMS[name]).why


def test_the_printed_accuracy_of_a_teacher_is_a_constant():
    (result,) = judge_published(CLAIMS["gip-over-teacher"]).comparisons
    assert result.estimate == 0.68 and result.t == pytest.approx(0.68 / (0.25 / math.sqrt(3)), rel=1e-6)
    assert result.df == pytest.approx(2)


# --- on our numbers

HIGHER = {"kind": "higher", "group": "a", "than": ["b"]}
FAR, NEAR, SPREAD = [5.0, 5.1, 5.2], [4.0, 4.1, 4.2], [3.0, 4.4, 5.6]


@pytest.mark.parametrize(
    ("check", "a", "b", "expected"),
    [
        (HIGHER, FAR, NEAR, "holds"),
        (HIGHER, NEAR, FAR, "fails"),
        (HIGHER, FAR, SPREAD, "not enough runs"),
        (HIGHER, FAR, [4.0], "not enough runs"),
        ({"kind": "difference", "higher": "a", "lower": "b", "by": "1.1"}, FAR, NEAR, "holds"),
        ({"kind": "difference", "higher": "a", "lower": "b", "by": "2.0"}, FAR, NEAR, "fails"),
        ({"kind": "difference", "higher": "b", "lower": "a", "by": "1.0"}, FAR, NEAR, "fails"),
        ({"kind": "difference", "higher": "a", "lower": "b", "by": "0.8"}, FAR, SPREAD, "not enough runs"),
        ({"kind": "decrease", "higher": "a", "lower": "b", "by": "19.6"}, FAR, NEAR, "holds"),
        ({"kind": "decrease", "higher": "a", "lower": "b", "by": "30"}, FAR, NEAR, "fails"),
        ({"kind": "value", "group": "a", "equals": "5.15"}, FAR, NEAR, "holds"),
        ({"kind": "value", "group": "a", "equals": "6.0"}, FAR, NEAR, "fails"),
        ({"kind": "value", "group": "a", "equals": "5.0"}, [5.0], NEAR, "not enough runs"),
        ({"kind": "insensitive", "groups": ["a", "b"], "margin": 2}, FAR, NEAR, "holds"),
        ({"kind": "insensitive", "groups": ["a", "b"], "margin": 0.5}, FAR, NEAR, "fails"),
        ({"kind": "insensitive", "groups": ["a", "b"], "margin": 1}, FAR, NEAR, "not enough runs"),
        ({"kind": "rising", "groups": ["b", "a"]}, FAR, NEAR, "holds"),
        ({"kind": "above", "groups": ["a", "b"], "value": 3}, FAR, NEAR, "holds"),
        ({"kind": "untrained", "groups": ["a", "b"], "below": 3}, FAR, NEAR, "fails"),
        ({"kind": "larger_gain", "gain": ["a", "b"], "than": ["b", "a"]}, FAR, NEAR, "holds"),
    ],
)
def test_verdicts(check, a, b, expected):
    verdict = judge(check, {"a": a, "b": b})
    assert verdict.word == expected, verdict
    assert bool(verdict.settle) == (expected == "not enough runs")


def test_a_verdict_agrees_with_scipy_s_intervals():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        a, b = rng.normal(1, 1, 3), rng.normal(0, 0.3, 4)
        low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
        expected = "holds" if low > 0 else "fails" if high < 0 else "not enough runs"
        verdict = judge(HIGHER, {"a": list(a), "b": list(b)})
        (result,) = verdict.comparisons
        assert verdict.word == expected and (result.low, result.high) == pytest.approx((low, high))
        seen.add(expected)
    assert len(seen) > 1


def test_one_of_many_comparisons_fails_by_chance():
    """A difference that is significantly against the claim at 95 % fails it alone, but not among ten."""
    against = {"a": [5.0, 5.1, 5.2], "b": [5.3, 5.45, 5.55]}
    p = stats.ttest_ind(against["a"], against["b"], equal_var=False).pvalue
    assert 0.005 < p < 0.05
    assert judge(HIGHER, against).word == "fails"
    many = {"kind": "higher", "group": "a", "than": ["b", *(f"o{n}" for n in range(9))]}
    assert judge(many, against | {f"o{n}": NEAR for n in range(9)}).word == "not enough runs"


def test_one_of_three_is_better_by_chance_too():
    some = {"kind": "some_lower", "groups": ["b", "o1", "o2"], "than": "a"}
    lower = {"a": [5.3, 5.45, 5.55], "b": [5.0, 5.1, 5.2]}
    assert judge({"kind": "some_lower", "groups": ["b"], "than": "a"}, lower).word == "holds"
    assert judge(some, lower | {"o1": SPREAD, "o2": SPREAD}).word == "not enough runs"
    assert judge(some, lower | {"b": NEAR, "o1": SPREAD, "o2": SPREAD}).word == "holds"
    assert judge(some, {"a": NEAR, "b": FAR, "o1": FAR, "o2": FAR}).word == "fails"


def test_a_claim_with_one_failing_comparison_fails_even_if_others_are_not_run():
    both = {"kind": "higher", "group": "a", "than": ["b", "c"]}
    assert judge(both, {"a": FAR, "b": NEAR}).word == "not run"
    assert judge(both, {"a": NEAR, "b": FAR}).word == "fails"
    assert "1 of 2 comparisons" in judge(both, {"a": FAR, "b": NEAR}).why
    gone = {"b": Number(None, "diverged (seed 1 at epoch 3)", ended="diverged (1 of 3), epoch 3")}
    verdict = judge(both, {"a": FAR, "c": NEAR} | gone)
    assert verdict == Verdict("diverged", "diverged (seed 1 at epoch 3)", comparisons=verdict.comparisons)
    assert judge(both, {"a": NEAR, "c": FAR} | gone).word == "fails"
    blocked = {"b": Number(None, "blocked (seed 0 by x)", ended="blocked (1 of 3)")}
    assert judge(both, {"a": FAR, "c": NEAR} | blocked).word == "blocked"


def test_a_group_whose_trainings_all_diverge_has_learnt_nothing():
    check = {"kind": "untrained", "groups": ["a"], "below": 10}
    ended = "diverged (3 of 3), epoch 2"
    assert judge(check, {"a": Number(None, ended, ended=ended, diverged=3)}).word == "holds"
    assert judge(check, {"a": Number(None, ended, ended=ended, diverged=1)}).word == "not enough runs"
    assert judge(check, {"a": Number(None, ended, ended=ended)}).word == "diverged"


def test_how_many_seeds_would_settle_a_claim():
    """The stated number of seeds gives a power of 0.8 in a simulation."""
    a, b = [1.0, 2.0, 3.0], [0.5, 1.5, 2.5]
    text = judge(HIGHER, {"a": a, "b": b}).settle
    total = int(text.split()[1])
    rng = np.random.default_rng(1)
    draws = rng.normal(0.5, 1, (2000, total)), rng.normal(0, 1, (2000, total))
    p = stats.ttest_ind(*draws, axis=1, equal_var=False).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.03) and f"{total - 3} more" in text
    assert judge(HIGHER, {"a": a, "b": a}).settle.startswith("more than 1,000 seeds")
    assert judge(HIGHER, {"a": [2.0], "b": b}).settle.startswith("one seed has no spread")


def test_claims_without_a_verdict():
    numbers = {"a": FAR, "b": NEAR}
    smoke = judge(HIGHER, numbers, "smoke")
    assert smoke.word == "no verdict" and "drawn images" in smoke.why and smoke.comparisons == ()
    stated = {"kind": "difference", "higher": "a", "lower": "b", "by": "1.0"}
    assert judge(stated, numbers, "gpu").word == "no verdict" and judge(stated, numbers, "gpu").comparisons[0].low > 0.5
    assert judge(HIGHER, numbers, "gpu").word == "holds" and "scale gpu" in judge(HIGHER, numbers, "gpu").caveat
    random = Number(Sample.from_values(FAR), "done", remark="distances on random features")
    assert judge(HIGHER, numbers | {"a": random}).word == "no verdict"
    claim = claim_with({**HIGHER, "under": [C100]}).model_copy(update={"unjudged": "because"})
    unjudged = judge_ours(claim, GivenNumbers(numbers))
    assert unjudged == Verdict("no verdict", "because", comparisons=unjudged.comparisons)
    assert [(result.estimate, result.agrees) for result in unjudged.comparisons] == [(1.0, None)]
    assert judge_ours(CLAIMS["aikd-omega-values"], GivenNumbers({})).word == "no verdict"
