"""The tests of the plan: decisions from seeds whose numbers are known."""

import pytest
from gip_runs import end, finish
from scipy import stats

from advkd.claims import evidence
from advkd.claims.evidence import Outcome
from advkd.claims.evidence_markdown import evidence_page
from advkd.files import read_json, write_json
from advkd.metrics.effect import holm
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.evidence_plan import Contrast, Plan, load_plan

KD, BASELINE, GIP = (f"gip/cifar10/resnet18/{method}" for method in ("kd", "baseline", "gip"))


def contrast_of(better=KD, than=BASELINE, **changed):
    fields = {"id": f"{better}-{than}", "claim": "-", "metric": "accuracy", "direction": "higher", "margin": "1"}
    return Contrast(**(fields | {"better": better, "than": than, "made": "-"} | changed))


def plan_of(*contrasts, seeds=4):
    return Plan(scale="paper", seeds=seeds, contrasts=contrasts, later=())


def decide(user, *contrasts, seeds=4):
    return evidence.decide_all(evidence.join_all(plan_of(*contrasts, seeds=seeds), user))


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
    (decision,) = decide(user, contrast_of())
    differences = [3.1, 2.6, 3.0, 3.5]
    assert list(decision.differences.values()) == pytest.approx(differences)
    expected = stats.ttest_1samp(differences, 0)
    assert decision.outcome is Outcome.HOLDS and decision.p == pytest.approx(expected.pvalue)
    assert decision.effect.interval(decision.level) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_the_other_direction_fails(user):
    train(user, KD, [700, 703, 698, 701])
    train(user, BASELINE, [731, 729, 728, 736])
    (decision,) = decide(user, contrast_of())
    assert decision.outcome is Outcome.FAILS and decision.effect.estimate < 0


@pytest.mark.parametrize(("margin", "outcome"), [("2", Outcome.FAILS), ("0.2", Outcome.OPEN), ("3%", Outcome.FAILS)])
def test_no_difference_fails_only_if_one_as_large_as_the_margin_is_excluded(user, margin, outcome):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [699, 704, 700, 700])
    (decision,) = decide(user, contrast_of(margin=margin))
    assert decision.outcome is outcome
    assert decision.detectable > 0 and (decision.needed > 4) is (outcome is Outcome.OPEN)


def test_p_values_are_corrected_within_a_paper(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [706, 705, 701, 709])
    train(user, GIP, [704, 703, 700, 705])
    contrasts = [contrast_of(), contrast_of(GIP), contrast_of(GIP, KD)]
    alone = [decide(user, one)[0].p for one in contrasts]
    together = [decision.p for decision in decide(user, *contrasts)]
    assert together == pytest.approx(holm(alone)) and together != pytest.approx(alone)


def test_holm_is_that_of_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_only_seeds_with_both_runs_count(user):
    train(user, BASELINE, [700, 703, 698])
    train(user, KD, [731])
    (decision,) = decide(user, contrast_of())
    assert decision.outcome is Outcome.UNFINISHED and decision.reason.startswith("1 of 4 seeds have both runs")


def test_nothing_is_tested_before_all_seeds_of_the_plan_are_finished(user):
    train(user, BASELINE, [700, 703, 698])
    train(user, KD, [731, 729, 728])
    more = user.model_copy(update={"seeds": 3})
    (decision,) = decide(more, contrast_of())
    assert decision.outcome is Outcome.UNFINISHED and decision.effect is None and len(decision.differences) == 3


def test_a_diverged_run_never_lets_its_claim_hold(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [731, 729, 728, 736])
    broken = config.resolve(f"{KD}/seed3", user)
    WritableFolder(folder_of(broken).path).write_result(
        {"status": "diverged", "config_hash": broken.hash, "step": 3, "sha256": {}}
    )
    (decision,) = decide(user, contrast_of())
    assert decision.outcome is Outcome.FAILS and "diverged" in decision.reason


def test_a_side_that_diverged_blocks_the_other_and_decides_nothing(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [731, 729, 728, 736])
    end(config.resolve(f"{BASELINE}/seed3", user), status="diverged", step=3, epoch=1)
    end(config.resolve(f"{KD}/seed3", user), status="blocked", parent=BASELINE)
    (decision,) = decide(user, contrast_of())
    assert decision.outcome is Outcome.OPEN and "blocked" in decision.reason


@pytest.mark.parametrize("name", ["result.json", "provenance.json"])
def test_a_damaged_run_leaves_its_own_contrast_open(user, name):
    for group in (BASELINE, KD, GIP):
        train(user, group, [700, 703, 698, 701] if group == BASELINE else [731, 729, 728, 736])
    (folder_of(config.resolve(f"{KD}/seed2", user)).path / name).write_text("{")
    damaged, sound = decide(user, contrast_of(), contrast_of(GIP))
    assert damaged.outcome is Outcome.OPEN and name in damaged.reason
    assert sound.outcome is Outcome.HOLDS


def test_sides_that_saw_other_data_are_not_compared(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [731, 729, 728, 736])
    for seed in range(4):
        folder = folder_of(config.resolve(f"{KD}/seed{seed}", user)).path
        provenance = read_json(folder / "provenance.json")
        provenance["data"]["sha256"] = {"images.npy": "2" * 64}
        write_json(folder / "provenance.json", provenance)
    (decision,) = decide(user, contrast_of())
    assert (decision.outcome, decision.reason) == (Outcome.OPEN, "the two runs of seed 0 have other data")


def test_a_test_that_cannot_be_made_still_counts(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [706, 705, 701, 709])
    alone = decide(user, contrast_of())[0].p
    with_others = decide(user, contrast_of(), contrast_of(GIP), contrast_of(GIP, KD))[0]
    assert with_others.p == pytest.approx(3 * alone) and with_others.level == pytest.approx(1 - 0.05 / 3)


def test_a_significant_difference_below_the_margin_holds_and_is_called_small(user):
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [706, 709, 704, 708])
    (decision,) = decide(user, contrast_of(margin="2"))
    assert (decision.outcome, decision.reason) == (Outcome.HOLDS, "significant, but smaller than what would matter")


def test_how_many_seeds_would_decide_counts_both_ways_to_a_decision(user):
    """A difference near 0 is never shown, but that none as large as the margin exists is shown with few seeds."""
    train(user, BASELINE, [700, 703, 698, 701])
    train(user, KD, [696, 706, 694, 704])
    near, far = (decide(user, contrast_of(margin=margin))[0] for margin in ("0.5", "0.001"))
    assert near.outcome is far.outcome is Outcome.OPEN and near.needed < 20
    assert far.needed is None or far.needed > near.needed


def test_the_published_difference_is_that_of_the_paper(user):
    error = contrast_of(
        "aikd/cifar100/preact_resnet18/aikd",
        "aikd/cifar100/preact_resnet18/baseline",
        metric="top1_error",
        direction="lower",
    )
    decisions = decide(user, contrast_of(), error)
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


def test_the_scale_of_the_plan_has_its_seeds():
    plan = load_plan()
    user = config.user({"scale": plan.scale})
    assert all(config.seeds(paper, user) == list(range(plan.seeds)) for paper in config.PAPERS)


def test_an_unfinished_test_says_what_its_seeds_could_show(user):
    train(user, BASELINE, [700, 703])
    assert "as these" not in evidence_page(user)
    train(user, KD, [731, 729])
    assert "- if all seeds scatter as these, they show a difference of 0.8" in evidence_page(user)


def test_the_page_says_what_the_decisions_are(user):
    train(user, BASELINE, [700, 703, 698, 701, 704])
    train(user, KD, [731, 729, 728, 736, 735])
    train(user, GIP, [732, 730, 726, 734, 738])
    page = evidence_page(user)
    assert "**holds**: KD has a higher accuracy than Baseline.\n\n- significant\n- here +3.06 (" in page
    assert "- in the paper +0.15" in page and "98.3 %" in page
    assert "**open**: GIP has a higher accuracy than KD." in page
    assert "**not finished**: AI-KD has a lower Top-1 error than PS-KD.\n\n- 0 of 5 seeds have both runs" in page
    assert "**The plan is for scale `small`. At scale `paper` nothing below is a test.**" in page
