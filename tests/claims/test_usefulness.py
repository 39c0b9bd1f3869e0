"""Tests of plans whose unit is a draw of the data, and whose images are crops of photos."""

import numpy as np
import pytest
from crop_runs import finish_on_crops
from scipy import stats
from sklearn.metrics import average_precision_score

from advkd.claims import evidence
from advkd.claims.evidence import Outcome
from advkd.claims.evidence_markdown import evidence_page
from advkd.files import read_json, write_json
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config
from advkd.settings.evidence_plan import USEFULNESS, Contrast, Plan, load_plan

GROUP = "aikd/codebrim/preact_resnet18/baseline{}+subset=1to3"
REAL, LONGER, GENERATED = GROUP.format(""), GROUP.format("+passes=20"), GROUP.format("+generator=acgan_okd")
SEEDS = 6


@pytest.fixture
def user(checkout):
    return config.user({"scale": "small"})


def train(user, group, skills):
    for seed, skill in enumerate(skills):
        finish_on_crops(config.resolve(f"{group}/seed{seed}", user), skill)


def decide(user, better, than, margin="1"):
    one = Contrast(
        id="x", claim="-", metric="map", direction="higher", better=better, than=than, margin=margin, made="-"
    )
    plan = Plan(scale="small", seeds=SEEDS, contrasts=(one,), later=())
    (pairs,) = evidence.join_all(plan, user)
    (decision,) = evidence.decide_all([pairs])
    return decision


def precision(user, group, seed, weights=None):
    """Return the mean average precision of a run in %, as scikit-learn computes it."""
    arrays = np.load(folder_of(config.resolve(f"{group}/seed{seed}", user)).path / "predictions.npz")
    logits = arrays["logits"].astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = None if weights is None else weights[arrays["photos"]]
    of_classes = [
        average_precision_score(arrays["tags"][:, label], probabilities[:, label], sample_weight=given)
        for label in range(3)
    ]
    return 100 * np.mean(of_classes)


def test_trainings_on_one_draw_count_once(user):
    train(user, REAL, [1.0, 1.2, 0.9, 1.1, 1.0, 1.0])
    train(user, LONGER, [2.4, 2.2, 2.5, 2.4, 2.6, 2.3])
    decision = decide(user, LONGER, REAL)
    of_seeds = [precision(user, LONGER, seed) - precision(user, REAL, seed) for seed in range(SEEDS)]
    of_draws = [np.mean([of_seeds[draw], of_seeds[draw + 3]]) for draw in range(3)]
    assert list(decision.differences.values()) == pytest.approx(of_seeds)
    assert decision.units == pytest.approx({f"draw {draw + 1}": value for draw, value in enumerate(of_draws)})
    expected = stats.ttest_1samp(of_draws, 0)
    assert decision.unit == "draws" and decision.p == pytest.approx(expected.pvalue)
    assert decision.effect.interval(0.95) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert decision.outcome is Outcome.HOLDS


def test_the_interval_over_photos_resamples_whole_photos_in_both_runs(user):
    train(user, REAL, [1.0, 1.2, 0.9, 1.1, 1.0, 1.0])
    train(user, LONGER, [1.5, 1.4, 1.3, 1.4, 1.5, 1.6])
    low, high = decide(user, LONGER, REAL).over_photos
    rng, photos, values = np.random.default_rng(99), 30, []
    for _ in range(150):  # other resamples than those of the package
        weights = np.bincount(rng.integers(photos, size=photos), minlength=photos).astype(float)
        pairs = [precision(user, LONGER, seed, weights) - precision(user, REAL, seed, weights) for seed in range(SEEDS)]
        values.append(np.mean(pairs))
    expected = np.quantile(values, [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(expected), abs=0.25 * (high - low))
    assert np.mean(values) == pytest.approx((low + high) / 2, abs=0.25 * (high - low))


def test_what_the_photos_cannot_tell_is_open(user, monkeypatch):
    train(user, REAL, [1.0, 1.2, 0.9, 1.1, 1.0, 1.0])
    train(user, LONGER, [2.4, 2.2, 2.5, 2.4, 2.6, 2.3])
    monkeypatch.setattr(evidence.PhotoIntervals, "interval", lambda *_: (-0.1, 30.0))
    decision = decide(user, LONGER, REAL)
    assert (decision.outcome, decision.reason) == (Outcome.OPEN, "the photos that were evaluated on cannot tell")


@pytest.mark.parametrize(
    ("outcome", "ends", "estimate", "agrees"),
    [
        (Outcome.HOLDS, (0.1, 5), 3, True),
        (Outcome.HOLDS, (-0.1, 5), 3, False),
        (Outcome.FAILS, (-5, -0.1), -3, True),
        (Outcome.FAILS, (-5, 0.5), 0.1, True),
        (Outcome.FAILS, (-5, 2.5), 0.1, False),
        (Outcome.OPEN, (-5, 5), 0, True),
    ],
)
def test_photos_agree_with_the_draws_or_not(outcome, ends, estimate, agrees):
    assert evidence._agree(outcome, ends, estimate, margin=1) is agrees


def test_generated_images_may_join_one_side_but_not_what_both_are_evaluated_on(user):
    train(user, REAL, [1.0, 1.2, 0.9, 1.1, 1.0, 1.0])
    train(user, GENERATED, [2.4, 2.2, 2.5, 2.4, 2.6, 2.3])
    assert decide(user, GENERATED, REAL).outcome is Outcome.HOLDS
    for seed in range(SEEDS):
        path = folder_of(config.resolve(f"{GENERATED}/seed{seed}", user)).path / "provenance.json"
        provenance = read_json(path)
        provenance["data"]["sha256"]["held_out.npy"] = "other"
        write_json(path, provenance)
    decision = decide(user, GENERATED, REAL)
    assert decision.outcome is Outcome.OPEN and decision.reason == "the two runs of seed 0 have other evaluation images"


def test_the_plan_names_runs_that_exist_and_takes_each_draw_equally_often():
    plan = load_plan(USEFULNESS)
    user = config.user({"scale": plan.scale})
    groups = plan.waves()[0]
    for group in groups:
        runs = [config.resolve(f"{group}/seed{seed}", user) for seed in config.seeds(group, user)]
        assert len(runs) == plan.seeds
        draws = [run.settings["subset"] for run in runs]
        assert {draw: draws.count(draw) for draw in draws} == dict.fromkeys(range(1, 6), 3)
        assert all(run.settings["data_seed"] == 1 for run in runs)
    assert {one.id for one in plan.contrasts} == {
        "useful-flips", "useful-randaugment", "useful-connected", "useful-compute"
    }  # fmt: skip


def test_the_sides_of_a_contrast_take_as_many_steps():
    """Real images in an epoch, with those of generators, times passes."""
    plan = load_plan(USEFULNESS)
    user = config.user({"scale": plan.scale})

    def steps(group):
        settings = config.resolve(f"{group}/seed0", user).settings
        of_class = settings["train_per_class"] * (not settings.get("alone", False)) + settings.get("synthetic", 0)
        return of_class * settings["passes"] * settings["epochs"] / settings["batch"]

    assert {steps(group) for group in plan.waves()[0]} == {50 * 20 * 10 / 50}


def test_the_page_of_the_plan(user):
    page = evidence_page(user, USEFULNESS)
    assert page.startswith(
        "# Do generated crops help to find defects? at scale `small`\n\n`paper/usefulness.yaml` fixed"
    )
    assert page.count("**not finished**") == 4 and "## AI-KD" not in page and "the mean over draws of the data" in page
    assert len(catalog.evidence_waves(user)["evidence"]) > 0
