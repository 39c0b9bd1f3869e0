"""The answers to the papers' main claims, and docs/findings.md, with no, some and all results."""

import math
import re
import statistics
from pathlib import Path

import pytest
import scipy.stats
from plan_runs import train_classifiers, train_gans

from advkd.report.content.answers import count_words, gather_answers, scale_in_words
from advkd.report.content.forest_plots import forest_in_words, forest_plot, forest_spoken
from advkd.report.findings import write_findings
from advkd.runs.lookup import folder_of
from advkd.settings import config
from advkd.settings.evidence_plan import load_plan

BASELINE, KD, GIP = (f"gip/cifar10/resnet18/{method}" for method in ("baseline", "kd", "gip"))
SINGLE, OKD, RHO = (f"okd/codebrim/sagan/{method}" for method in ("single", "okd", "okd+rho=0"))


@pytest.fixture
def user(checkout):
    return config.user({"scale": "small"})


def answer(user, paper):
    return next(one for one in gather_answers(user, []) if one.paper == paper)


def train_gip(user, seeds=5):
    """KD is better than Baseline, GIP varies too much to tell, and GIP is worse than KD."""
    train_classifiers(user, BASELINE, [700, 702, 699, 701, 703], 60)
    train_classifiers(user, KD, [731, 729, 728, 736, 735], 120)
    train_classifiers(user, GIP, [690, 712, 693, 707, 704][:seeds], 180)


def test_without_results_the_papers_effects_stand_alone(user):
    for one in gather_answers(user, []):
        assert one.verdict == "Not answered yet: none of the 3 tests has all its 5 seeds."
        assert not one.error and one.is_test and one.level == "98.3" and not one.made
        assert [tested.remark for tested in one.tests] == ["open, 0 of 5 seeds"] * 3
        assert one.counts[0][1:4] == (0, 0, 3)
    published = [tested.papers for tested in answer(user, "aikd").tests]
    assert [text.split(" (")[0] for text in published] == ["+4.10 points", "+1.29 points", "+0.47 points"]
    okd = answer(user, "okd")
    assert {tested.papers for tested in okd.tests} == {""}
    assert okd.tests[0].instead == "the paper prints FID in place of KID: 132.13 against 139.76"
    assert "does not print KID × 10³" in forest_in_words(okd)


def test_some_results_are_tests_or_seeds(user):
    train_gip(user, seeds=2)
    gip = answer(user, "gip")
    kd, over_baseline, over_kd = gip.tests
    assert (kd.outcome, kd.remark, kd.sign) == ("holds", "holds", "✓")
    assert over_baseline.remark == over_kd.remark == "open, 2 of 5 seeds" and not over_kd.ours
    assert gip.verdict == (
        "Holds at this scale: KD is more accurate than Baseline. Open: GIP is more accurate than Baseline and GIP is"
        " more accurate than KD."
    )
    row = over_kd.row()
    assert row.ours is None and row.seeds == pytest.approx((-4.1, -1.7)) and row.margin == 0.3
    assert (gip.costs[0].what, gip.costs[0].needed) == ("the 2 unfinished tests", "3 of 20 trainings are missing")
    assert gip.costs[0].time == "9 min of one core"
    assert gip.made == "2026-01-01, CPU, 1 of 2 threads: 12 trainings and the 5 that they learn from, 31 min"
    assert not [row.lead for row in gip.measured if row.lead], "nothing is compared before all seeds are finished"


def test_all_results_decide(user):
    train_gip(user)
    gip = answer(user, "gip")
    assert [tested.outcome for tested in gip.tests] == ["holds", "open", "fails"]
    assert [part.partition(":")[0].strip() for part in gip.verdict.split(".")] == [
        "Holds at this scale", "Fails at this scale", "Open", ""
    ]  # fmt: skip
    assert gip.counts[0][1:4] == (1, 1, 1)
    teacher, kd, *_ = gip.measured
    assert "teacher" in teacher.name and (teacher.seeds, teacher.ours, teacher.lead) == ("5 of 5", "80.00 ± 0.00", "")
    assert (kd.group, kd.ours, kd.published) == (KD, "73.18 ± 0.36", "94.96 ± 0.13") and kd.lead.startswith("-3.06 (")
    assert re.match(r"a new plan with about \d+ seeds, \d+ trainings", gip.costs[0].needed)
    spoken = forest_spoken(gip)
    assert "KD is more accurate than Baseline: holds; here +3.08 points (" in spoken


def test_kids_are_told_in_thousandths_and_a_margin_in_percent_of_what_was_measured(user):
    sets = [{f"G{number}": 0.05 + 0.001 * seed for number in (1, 2, 3)} for seed in range(5)]
    train_gans(user, OKD, [{name: kid - 0.01 for name, kid in one.items()} for one in sets])
    train_gans(user, RHO, sets)
    single, independent, best = answer(user, "okd").tests
    assert single.margin is None and single.margin_in_words == "5 % of what it is compared with"
    assert independent.margin == pytest.approx(0.05 * 52)
    assert independent.ours.startswith("+10.0") and independent.axis == "KID × 10³, lower by"
    assert best.row().seeds == pytest.approx((10,) * 5)


def test_another_scale_or_other_settings_decide_nothing(user):
    reduced = config.user({"scale": "reduced"})
    changed = config.user({"scale": "small", "override": {"gip": {"epochs": 1}}})
    for other in (reduced, changed):
        train_gip(other)
        gip = answer(other, "gip")
        assert not gip.is_test and {tested.outcome for tested in gip.tests} == {"open"}
        assert {tested.remark for tested in gip.tests} == {"no test"} and "decides none of them" in gip.verdict
    smoke = answer(config.user(), "gip")
    assert smoke.verdict == "Scale smoke trains on drawn images for seconds and answers nothing."


def test_damage_is_told_in_its_place(user):
    train_gip(user)
    (folder_of(config.resolve(f"{KD}/seed1", user)).path / "result.json").write_text("{")
    gip = answer(user, "gip")
    assert [tested.remark for tested in gip.tests] == ["open"] * 3
    assert "result.json" in gip.tests[0].decision.reason and "result.json" in gip.costs[0].needed
    Path("paper/evidence.yaml").write_text("scale: [")
    assert "evidence.yaml" in answer(user, "gip").error


def test_a_test_says_beforehand_what_its_seeds_could_show(user):
    """The power is that of scipy's noncentral t at the level of Bonferroni's interval."""
    train_classifiers(user, BASELINE, [700, 702], 60)
    train_classifiers(user, KD, [731, 729], 120)
    kd, gip_over_baseline, _ = answer(user, "gip").tests
    assert "as the 2 so far" in kd.power_in_words and "as the paper's" in gip_over_baseline.power_in_words
    spread = statistics.stdev([3.1, 2.7])
    effect = kd.decision.detectable / (spread / math.sqrt(5))
    bound = scipy.stats.t.ppf(1 - 0.05 / 3 / 2, 4)
    assert scipy.stats.nct.sf(bound, 4, effect) == pytest.approx(0.8, abs=1e-6)
    assert [tested.power_in_words for tested in answer(user, "okd").tests] == [""] * 3, "no deviation is printed"
    train_gip(user)
    assert not any(tested.power_in_words for tested in answer(user, "gip").tests), "after the test it says no more"


@pytest.mark.parametrize("narrow", [False, True])
def test_every_plot_is_an_svg(user, narrow):
    train_gip(user, seeds=2)
    for one in gather_answers(user, []):
        assert forest_plot(one, ".svg", narrow).rstrip().endswith(b"</svg>")


def test_equal_outcomes_are_told_in_a_few_words(user):
    sets = [{f"G{number}": 0.05 + 0.001 * seed for number in (1, 2, 3)} for seed in range(5)]
    single = [{"G1": kid["G1"] - 0.01} for kid in sets]
    for group, kids in ((OKD, sets), (RHO, [{name: kid - 0.01 for name, kid in one.items()} for one in sets])):
        train_gans(user, group, kids)
    train_gans(user, SINGLE, single)
    okd = answer(user, "okd")
    assert okd.verdict == "All 3 tests fail at this scale.", (
        "two of them are of comparisons that the paper does not print"
    )
    assert okd.counts[0].of == "tests of main claims, on our runs"


def test_verdicts_are_counted_with_their_words():
    count = count_words("claims", ["holds", "contradicted", "not run", "contradicted in our reading", "fails"])
    assert count[1:4] == (1, 2, 2) and count.total == 5 and count.words["not run"] == 1


@pytest.mark.parametrize("seeds", [0, 2, 5])
def test_the_findings_say_everything(user, tmp_path, seeds):
    if seeds:
        train_gip(user, seeds)
    text = write_findings(user, tmp_path / "findings.md")
    assert text == (tmp_path / "findings.md").read_text()
    for one in load_plan().contrasts:
        assert one.made in text
    assert text.count("![Forest plot") == 3 and text.count("### What was trained") == 3
    for plot in re.findall(r"\]\((findings/\w+\.svg)\)", text):
        assert (tmp_path / plot).read_bytes().startswith(b"<?xml")
    assert "Holds here does not mean reproduced" in text
    assert "| CS-KD | no | Top-1 error | 0 of 5 | not run | 21.67 ± 0.25 | +1.80 (+1.26 to +2.34) |  |" in text
    assert "`width` 8 (paper: 64)" in text and "[gip-seconds](claims.md#gip-seconds): times on other machines" in text
    assert ("| 1 | 1 | 1 |" in text) is (seeds == 5)
    assert ("Seed by seed so far -4.10, -1.70 points, which is no test." in text) is (seeds == 2)
    assert "\n\n\n" not in text


def test_each_size_of_a_scale_stands_beside_the_papers():
    reduced = config.user({"scale": "reduced"})
    gans = [config.resolve(f"okd/codebrim/{network}/okd/seed0", reduced) for network in ("sagan", "acgan")]
    expected = "SAGAN, ACGAN: width 16 of 64 or 32 of 128, iterations 1000 of 50000 or 500 of 250000, crops 500 of 2642"
    assert scale_in_words(gans, reduced).startswith(expected)
