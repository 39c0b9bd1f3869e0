"""The tests of the plan: decisions from seeds whose numbers are known."""

import pytest
from gip_runs import finish
from scipy import stats

from advkd.claims import evidence
from advkd.claims.evidence import Outcome
from advkd.claims.evidence_markdown import evidence_page
from advkd.metrics.effect import holm
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.evidence_plan import Contrast, Plan, load_plan

KD, BASELINE, GIP = (f"gip/cifar10/resnet18/{method}" for method in ("kd", "baseline", "gip"))


def contrast_of(better=KD, than=BASELINE, **changed):
    fields = {"id": f"{better}-{than}", "claim": "-", "metric": "accuracy", "direction": "higher", "margin": "1"}
    return Contrast(**(fields | {"better": better, "than": than, "made": "-"} | changed))


def plan_of(*contrasts, seeds=4):
    return Plan(scale="paper", seeds=seeds, contrasts=contrasts, later=())


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper"})


def train(user, group, right):
    """Finish a run for each number of right images of 1,000."""
    for seed, number in enumerate(right):
        finish(config.resolve(f"{group}/seed{seed}", user), number, images=1000)


def test_a_clear_difference_holds(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [731, 729, 728, 736])
    (decision,) = evidence.decide_all(user, plan_of(contrast_of()))
    differences = [3.1, 2.6, 3.0, 3.5]
    assert list(decision.differences.values()) == pytest.approx(differences)
    expected = stats.ttest_1samp(differences, 0)
    assert decision.outcome is Outcome.HOLDS and decision.p == pytest.approx(expected.pvalue)
    low, high = expected.confidence_interval(0.95)
    assert decision.reach == pytest.approx((high - low) / 2)


def test_the_other_direction_fails(user):
    train(user, KD, [700, 703, 698, 701])
    train(user, BASELINE, [731, 729, 728, 736])
    (decision,) = evidence.decide_all(user, plan_of(contrast_of()))
    assert decision.outcome is Outcome.FAILS and decision.effect.estimate < 0


@pytest.mark.parametrize(("margin", "outcome"), [("2", Outcome.FAILS), ("0.2", Outcome.OPEN), ("3%", Outcome.FAILS)])
def test_no_difference_fails_only_if_one_as_large_as_the_margin_is_excluded(user, margin, outcome):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [699, 704, 700, 700])
    (decision,) = evidence.decide_all(user, plan_of(contrast_of(margin=margin)))
    assert decision.outcome is outcome
    assert decision.detectable > 0 and decision.needed > 4


def test_p_values_are_corrected_within_a_paper(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [706, 705, 701, 709])
    train(user, GIP, [704, 703, 700, 705])
    contrasts = [contrast_of(), contrast_of(GIP), contrast_of(GIP, KD)]
    alone = [evidence.decide_all(user, plan_of(one))[0].p for one in contrasts]
    together = [decision.p for decision in evidence.decide_all(user, plan_of(*contrasts))]
    assert together == pytest.approx(holm(alone)) and together != pytest.approx(alone)


def test_holm_is_that_of_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_only_seeds_with_both_runs_count(user):
    train(user, BASELINE, [700, 703, 698])
    train(user, KD, [731])
    (decision,) = evidence.decide_all(user, plan_of(contrast_of()))
    assert (decision.outcome, decision.reason) == (Outcome.NOT_RUN, "1 of 4 seeds have both runs")


def test_a_diverged_run_never_lets_its_claim_hold(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [731, 729, 728, 736])
    broken = config.resolve(f"{KD}/seed3", user)
    folder_of(broken).write_result({"status": "diverged", "config_hash": broken.hash, "step": 3, "sha256": {}})
    (decision,) = evidence.decide_all(user, plan_of(contrast_of()))
    assert decision.outcome is Outcome.FAILS and "diverged" in decision.reason


def test_the_published_difference_is_that_of_the_paper(user):
    error = contrast_of(
        "aikd/cifar100/preact_resnet18/aikd",
        "aikd/cifar100/preact_resnet18/baseline",
        metric="top1_error",
        direction="lower",
    )
    decisions = evidence.decide_all(user, plan_of(contrast_of(), error))
    assert [decision.published for decision in decisions] == pytest.approx([94.96 - 94.81, 23.97 - 19.87])


def test_the_plan_names_runs_that_exist(user):
    plan = load_plan()
    small = config.user({"scale": plan.scale})
    first, *later = catalog.evidence_waves(small).values()
    groups = {run.run.group for run in first.values()}
    assert groups == {one.better for one in plan.contrasts} | {one.than for one in plan.contrasts}
    assert {run.run.seed for run in first.values()} == set(range(plan.seeds))
    known = catalog.all_runs(config.user({"scale": plan.scale, "seeds": plan.seeds}))
    assert all(wave.keys() <= known.keys() for wave in (first, *later))


def test_the_page_says_what_the_decisions_are(user):
    train(user, BASELINE, [700, 703, 698, 701, 704])
    train(user, KD, [731, 729, 728, 736, 735])
    train(user, GIP, [732, 730, 726, 734, 738])
    page = evidence_page(user)
    assert "**holds**: KD has a higher accuracy than Baseline.\n\n- significant\n- here +3.06 (" in page
    assert "- in the paper +0.15" in page and "98.3 %" in page
    assert "**open**: GIP has a higher accuracy than KD." in page
    assert "**not run**: AI-KD has a lower Top-1 error than PS-KD.\n\n- 0 of 5 seeds have both runs" in page
