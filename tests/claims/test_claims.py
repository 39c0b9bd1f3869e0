import math
import re

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from advkd.claims.claim_file import CLAIMS as FILE
from advkd.claims.claim_file import Claim, load_claims
from advkd.claims.judgements import judge_all
from advkd.claims.markdown import claims_page
from advkd.claims.number import Number
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.predicates import AnyPredicate
from advkd.claims.predicates.base import Quantity
from advkd.claims.verdicts import Verdict, judge_ours, judge_published
from advkd.errors import UserError
from advkd.metrics.effect import Sample
from advkd.settings import catalog, config

CLAIMS = {claim.id: claim for claim in load_claims()}
# What the papers' own tables contradict, as read by hand; the others hold or are not printed.
CONTRADICTED = {
    "aikd-gain-cskd", "aikd-top5-resnet", "aikd-ablation-gains", "aikd-omega-values", "gip-entropy-needed"
}  # fmt: skip
AS_READ = {
    "okd-sagan-all", "okd-acgan-all", "aikd-top1", "aikd-top5", "aikd-f1-everywhere", "aikd-omega-insensitive",
    "aikd-augmentations-help",
}  # fmt: skip
NOT_PRINTED = {
    "okd-connectors", "aikd-overconfident", "aikd-critic", "aikd-tau-guide", "aikd-tau-progressive", "gip-seconds",
    "gip-delta",
}  # fmt: skip
C100 = "gip/cifar100/resnet18"


def predicate(**fields):
    return TypeAdapter(AnyPredicate).validate_python(fields)


def claim(*checks):
    checks = [{"metric": "m", **one} for one in checks]
    return Claim(id="one", paper="gip", place="here", claim="…", check=checks)


class GivenNumbers(OurNumbers):
    """Numbers of our runs that are given by the name of their group: values over seeds, or a Number."""

    def __init__(self, numbers, scale="paper"):
        super().__init__(config.user({"scale": scale}))
        self.given = numbers

    def number(self, quantity):
        found = self.given.get(quantity.run.split("/")[-1], Number(None, "not run"))
        return found if isinstance(found, Number) else Number(Sample.from_values(found), "done")

    def image_interval(self, comparison):
        return None


def word(check, numbers, scale="paper"):
    checks = check if isinstance(check, list) else [check]
    under = {"under": ["gip/cifar100/resnet18"]}
    return judge_ours(claim(*({**under, **one} for one in checks)), GivenNumbers(numbers, scale))


# --- the file


def test_every_claim_on_the_printed_numbers():
    assert len(CLAIMS) >= 50 and not any(one.problem for one in CLAIMS.values())
    found = {name: judge_published(one).word for name, one in CLAIMS.items()}
    assert {name for name, verdict in found.items() if verdict == "contradicted"} == CONTRADICTED
    assert {name for name, verdict in found.items() if verdict == "contradicted as read here"} == AS_READ
    assert {name for name, verdict in found.items() if verdict == "not printed"} == NOT_PRINTED


def test_a_reading_that_fails_on_print_is_no_contradiction():
    """The printed numbers and their reasons are the same; only the word tells whose claim they are against."""
    one = CLAIMS["aikd-gain-cskd"]
    plain, read = judge_published(one), judge_published(one.model_copy(update={"reading": "in Table 2."}))
    assert (plain.word, read.word) == ("contradicted", "contradicted as read here")
    assert (plain.why, plain.comparisons) == (read.why, read.comparisons)
    held = CLAIMS["aikd-gain-pskd"]
    assert judge_published(held.model_copy(update={"reading": "…"})) == judge_published(held)
    assert judge_ours(CLAIMS["okd-sagan-all"], GivenNumbers({})).word == "not run"


def test_what_the_printed_deviations_can_test():
    expected = {
        # Table 3: 99.30 ± 0.04 against 99.16.
        "gip-gantsc": "the paper prints a standard deviation for one side of a comparison only",
        "gip-dafl": "the paper prints no standard deviations, so significance is unknown",
        "aikd-gain-pskd": "differences significant by the printed standard deviations (Welch, p < 0.05): 1 of 1",
        "aikd-cifar100-error": "as printed in the table",
    }
    assert {name: judge_published(CLAIMS[name]).why for name in expected} == expected


def test_every_claim_says_what_trains_its_runs():
    user = config.user({"scale": "paper"})
    for one in CLAIMS.values():
        words = one.command(user).split()
        if not one.quantities:
            assert words == []
            continue
        named = words[words.index("all") + 1 : words.index("--config")]
        needed = {f"{quantity.run}/seed0" for quantity in one.quantities}
        trained = [
            catalog.variants(user, [name.split("_")[0]]) if name.endswith("_variants") else catalog.runs(name, user)
            for name in named
        ]
        assert needed <= {run for runs in trained for run in runs}, one.id


def test_printed_numbers_are_compared_as_printed():
    """Where a run is printed with two deviations, that of the claim's own table counts."""
    (part,) = judge_published(CLAIMS["aikd-gain-pskd"]).comparisons
    expected = stats.ttest_ind_from_stats(21.16, 0.22, 3, 19.87, 0.10, 3, equal_var=False)
    assert (part.estimate, part.n, part.agrees) == (1.29, (3, 3), True)
    assert (part.t, part.p) == pytest.approx((expected.statistic, expected.pvalue))
    results = judge_published(CLAIMS["aikd-ablation"]).comparisons
    of_table4 = next(result for result in results if "omega=0 −" in result.compared)
    assert of_table4.t == pytest.approx((20.34 - 19.87) / math.sqrt((0.28**2 + 0.07**2) / 3))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("aikd-gain-cskd", "21.67 − 19.87 = 1.80, claimed = 1.43"),
        ("aikd-ablation-gains", "23.97 − 21.26 = 2.71, claimed = 1.80"),
        ("aikd-f1-everywhere", "0.581 − 0.581 = 0.000, claimed > 0"),
        ("okd-acgan-all", "178.92 − 179.31 = −0.39"),
        ("gip-entropy-needed", "76.62, claimed < 10"),
        ("aikd-omega-values", "aikd_table5 has 8 rows, not 5"),
    ],
)
def test_a_contradiction_names_both_numbers(name, numbers):
    assert numbers in judge_published(CLAIMS[name]).why


def test_a_teacher_s_printed_accuracy_is_a_constant():
    (part,) = judge_published(CLAIMS["gip-over-teacher"]).comparisons
    assert part.estimate == 0.68 and part.t == pytest.approx(0.68 / (0.25 / math.sqrt(3)), rel=1e-6)
    assert part.df == pytest.approx(2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"check": [{"kind": "lower", "metric": "top1_error", "group": "aikd/cifar100/preact_resnet18/aikd+omega=7",
                     "than": ["aikd/cifar100/preact_resnet18/pskd"]}]}, "omega=7 top1_error is an unknown cell"),
        ({"check": [{"kind": "value", "metric": "fid.G1", "group": "aikd/cifar100/preact_resnet18/aikd",
                     "equals": "1.0"}]}, "aikd fid.G1 is an unknown cell"),
        ({"check": [{"kind": "exec", "group": "a"}]}, "does not match any of the expected tags"),
        ({"check": [{"kind": "value", "group": "__import__('os')", "equals": "1"}]}, "pattern"),
        ({"check": [{"kind": "difference", "higher": "a", "lower": "b", "by": "1e3"}]}, "pattern"),
        ({"check": []}, "at least 1 item"),
        ({"tables": ["aikd_table9"]}, "'aikd_table9' is not a table"),
        ({"weight": 3}, "weight: Extra inputs"),
        ({"place": None}, "place: Input should be"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_one_line_and_the_rest_is_checked(checkout, change, message):
    entries = yaml.safe_load(FILE.read_text())
    entry = {"id": "mine", "place": "here", "claim": "…",
             "check": [{"kind": "lower", "metric": "top1_error", "under": ["aikd/cifar100/preact_resnet18"],
                        "group": "aikd", "than": ["pskd"]}]}  # fmt: skip
    FILE.write_text(yaml.safe_dump({"aikd": [{**entry, "id": "theirs", **change}, entry], "okd": entries["okd"]}))
    user = config.user({"scale": "paper"})
    wrong, right, *others = judge_all(user)
    assert len(others) == len(entries["okd"]) and right["id"] == "mine" and right["published"]["word"] == "holds"
    for verdict in (wrong["published"], wrong["ours"]):
        assert verdict["word"] == "not readable" and "\n" not in verdict["why"]
        assert re.search(f"claims.yaml, claim theirs: .*{message}", verdict["why"])
    assert (
        wrong["id"] == "theirs"
        and wrong["claim"] == "…"
        and wrong["command"] == ""
        and verdict["why"] in claims_page(user)
    )


def test_what_is_no_claim(tmp_path):
    path = tmp_path / "claims.yaml"
    entries = yaml.safe_load(FILE.read_text())
    path.write_text(yaml.safe_dump({"okd": [*entries["okd"][:1] * 2, "word", {}, {"id": "A b"}, {"id": "okd-mine"}]}))
    first, *others = load_claims(path)
    assert first.problem == "" and [one.id for one in others] == ["okd-2", "okd-3", "okd-4", "okd-5", "okd-mine"]
    expected = [
        "another claim has the id 'okd-sagan-some'",
        "expected keys and values",
        "id: Field required",
        "id: String",
        "place: Field required",
    ]
    assert all(text in one.problem for text, one in zip(expected, others, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [("okd: [", "cannot be read"), ("[]", "expected a list of claims"), ("okd: 3", "expected a list of claims"),
     ("xyz: []", "'xyz' is not a paper")],
)  # fmt: skip
def test_a_damaged_file_is_one_line(tmp_path, text, message):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        load_claims(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    with pytest.raises(UserError, match="cannot be read"):
        load_claims(tmp_path / "none.yaml")


# --- predicates

PREDICATES = [
    predicate(kind="lower", metric="m", group="a", than=["b", "c", "d"]),
    predicate(kind="some_lower", metric="m", groups=["b", "c", "d"], than="a"),
    *(predicate(kind="rank", metric="m", group="a", among=list("abcd"), order="lowest", place=p) for p in (1, 2, 3, 4)),
    predicate(kind="difference", metric="m", higher="a", lower="b", by="1.5"),
    predicate(kind="value", metric="m", group="a", equals="1.5"),
    predicate(kind="above", metric="m", groups=["a", "b"], value=0.5),
    predicate(kind="untrained", metric="m", groups=["a", "b"], below=0.5),
    predicate(kind="insensitive", metric="m", groups=["a", "b", "c"], margin=1.0),
]
IDS = [f"{one.kind}{getattr(one, 'place', '')}" for one in PREDICATES]
edges = st.floats(-3, 3).map(lambda edge: edge + 0.0)  # hypothesis has nothing between 0.0 and -0.0
bounds = st.tuples(edges, edges).map(sorted)


@pytest.mark.parametrize("one", PREDICATES, ids=IDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_intervals_decide_holds_for_every_point_in_them(one, data):
    """Except that a stated number needs an interval that excludes zero too, which a point does by itself."""
    (instance,) = one.instances()
    intervals = [tuple(data.draw(bounds)) for _ in instance.comparisons()]
    decision = one.decide(intervals)
    points = [data.draw(st.floats(*interval)) for interval in intervals]
    if decision is not None and one.kind not in ("difference", "value"):
        assert one.decide([(point, point) for point in points]) == decision
    if decision is False:
        assert one.decide([(point, point) for point in points]) is False


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=4, max_size=4), st.integers(1, 4))
def test_a_rank_is_the_place_in_the_sorted_list(numbers, place):
    """Of equal numbers all share the first place that they take."""
    one = predicate(kind="rank", metric="m", group="a", among=list("abcd"), order="lowest", place=place)
    ahead = [(other - numbers[0],) * 2 for other in numbers[1:]]
    assert one.decide(ahead) == (sorted(numbers).index(numbers[0]) + 1 == place)


def test_names_below_networks_series_and_metrics():
    one = predicate(kind="rank", metric=["x", "y"], under=["p/d/m", "p/d/n"], group="k", among=["k", "k+z={1..2..0.5}"],
                    order="highest")  # fmt: skip
    found = one.instances()
    assert [(instance.under, instance.metric) for instance in found] == [
        ("p/d/m", "x"), ("p/d/m", "y"), ("p/d/n", "x"), ("p/d/n", "y"),
    ]  # fmt: skip
    first = [comparison.quantities for comparison in found[0].comparisons()]
    assert first == [(Quantity("p/d/m/k", "x"), Quantity(f"p/d/m/k+z={z}", "x")) for z in ("1", "1.5", "2")]
    (own,) = predicate(kind="lower", metric="x", under=["p/d/m"], group="k y", than=["q/e/n/j"]).instances()
    assert own.comparisons()[0].quantities == (Quantity("q/e/n/j", "x"), Quantity("p/d/m/k", "y"))


# --- the rule, on ours

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
    found = word(check, {"a": a, "b": b})
    assert found.word == expected, found
    assert bool(found.settle) == (expected == "not enough runs")


def test_a_verdict_agrees_with_scipy_s_intervals():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        a, b = rng.normal(1, 1, 3), rng.normal(0, 0.3, 4)
        low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
        expected = "holds" if low > 0 else "fails" if high < 0 else "not enough runs"
        found = word(HIGHER, {"a": list(a), "b": list(b)})
        assert found.word == expected and (found.comparisons[0].low, found.comparisons[0].high) == pytest.approx(
            (low, high)
        )
        seen.add(expected)
    assert len(seen) > 1


def test_one_of_many_comparisons_fails_by_chance():
    """A difference that is significantly against the claim at 95 % fails it alone, but not among ten."""
    against = {"a": [5.0, 5.1, 5.2], "b": [5.3, 5.45, 5.55]}
    p = stats.ttest_ind(against["a"], against["b"], equal_var=False).pvalue
    assert 0.005 < p < 0.05
    assert word(HIGHER, against).word == "fails"
    many = {"kind": "higher", "group": "a", "than": ["b", *(f"o{n}" for n in range(9))]}
    assert word(many, against | {f"o{n}": NEAR for n in range(9)}).word == "not enough runs"


def test_one_of_three_is_better_by_chance_too():
    some = {"kind": "some_lower", "groups": ["b", "o1", "o2"], "than": "a"}
    lower = {"a": [5.3, 5.45, 5.55], "b": [5.0, 5.1, 5.2]}
    assert word({"kind": "some_lower", "groups": ["b"], "than": "a"}, lower).word == "holds"
    assert word(some, lower | {"o1": SPREAD, "o2": SPREAD}).word == "not enough runs"
    assert word(some, lower | {"b": NEAR, "o1": SPREAD, "o2": SPREAD}).word == "holds"
    assert word(some, {"a": NEAR, "b": FAR, "o1": FAR, "o2": FAR}).word == "fails"


def test_a_claim_that_fails_in_part_fails_whatever_is_not_run():
    both = {"kind": "higher", "group": "a", "than": ["b", "c"]}
    assert word(both, {"a": FAR, "b": NEAR}).word == "not run"
    assert word(both, {"a": NEAR, "b": FAR}).word == "fails"
    assert "1 of 2 comparisons" in word(both, {"a": FAR, "b": NEAR}).why
    gone = {"b": Number(None, "diverged (seed 1 at epoch 3)", ended="diverged (1 of 3), epoch 3")}
    assert word(both, {"a": FAR, "c": NEAR} | gone) == Verdict(
        "diverged", "diverged (seed 1 at epoch 3)", comparisons=word(both, {"a": FAR, "c": NEAR} | gone).comparisons
    )
    assert word(both, {"a": NEAR, "c": FAR} | gone).word == "fails"
    blocked = {"b": Number(None, "blocked (seed 0 by x)", ended="blocked (1 of 3)")}
    assert word(both, {"a": FAR, "c": NEAR} | blocked).word == "blocked"


def test_trainings_that_all_diverge_have_learnt_nothing():
    check = {"kind": "untrained", "groups": ["a"], "below": 10}
    ended = "diverged (3 of 3), epoch 2"
    assert word(check, {"a": Number(None, ended, ended=ended, diverged=3)}).word == "holds"
    assert word(check, {"a": Number(None, ended, ended=ended, diverged=1)}).word == "not enough runs"
    assert word(check, {"a": Number(None, ended, ended=ended)}).word == "diverged"


def test_what_would_settle_it():
    """As many seeds as give the power that they are said to give."""
    a, b = [1.0, 2.0, 3.0], [0.5, 1.5, 2.5]
    text = word(HIGHER, {"a": a, "b": b}).settle
    total = int(text.split()[1])
    rng = np.random.default_rng(1)
    draws = rng.normal(0.5, 1, (2000, total)), rng.normal(0, 1, (2000, total))
    p = stats.ttest_ind(*draws, axis=1, equal_var=False).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.03) and f"{total - 3} more" in text
    assert word(HIGHER, {"a": a, "b": a}).settle.startswith("more than 1,000 seeds")
    assert word(HIGHER, {"a": [2.0], "b": b}).settle.startswith("one seed has no spread")


def test_no_verdict():
    numbers = {"a": FAR, "b": NEAR}
    smoke = word(HIGHER, numbers, "smoke")
    assert smoke.word == "no verdict" and "drawn images" in smoke.why and smoke.comparisons == ()
    stated = {"kind": "difference", "higher": "a", "lower": "b", "by": "1.0"}
    assert word(stated, numbers, "gpu").word == "no verdict" and word(stated, numbers, "gpu").comparisons[0].low > 0.5
    assert word(HIGHER, numbers, "gpu").word == "holds" and "scale gpu" in word(HIGHER, numbers, "gpu").caveat
    random = Number(Sample.from_values(FAR), "done", remark="the FID network has random weights")
    assert word(HIGHER, numbers | {"a": random}).word == "no verdict"
    one = claim({**HIGHER, "under": [C100]}).model_copy(update={"unjudged": "because"})
    assert judge_ours(one, GivenNumbers(numbers)) == Verdict("no verdict", "because")
    assert judge_ours(CLAIMS["aikd-omega-values"], GivenNumbers({})).word == "no verdict"
