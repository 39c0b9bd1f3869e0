"""Judges claims on runs that the tests write, and checks what is shown."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gip_runs import end, finish
from scipy import stats

from advkd.artifacts import table_cells
from advkd.claims import judgements
from advkd.claims.claim_file import load_claims
from advkd.claims.markdown import claims_page
from advkd.claims.our_numbers import OurNumbers
from advkd.claims.verdicts import judge_published
from advkd.files import write_json
from advkd.metrics.significance import paired_difference
from advkd.runs.lookup import folder_of
from advkd.runs.state import Kind, State
from advkd.settings import config
from checkouts import ROOT

CLAIMS = {claim.id: claim for claim in load_claims()}
C100 = "gip/cifar100/resnet18"


def judge(claim, user):
    return judgements.judge(claim, OurNumbers(user))


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 3})


@pytest.fixture
def fill(user):
    def filling(group, *right, images=1000):
        for seed, count in enumerate(right):
            finish(config.resolve(f"{group}/seed{seed}", user), count, images=images)

    return filling


def test_ours_from_runs(user, fill):
    for method, right in (("baseline", 700), ("kd", 730), ("gip", 760)):
        for net in ("cifar10/resnet18", "cifar100/resnet18", "cifar10/reactnet18", "cifar100/reactnet18"):
            fill(f"gip/{net}/{method}", right, right + 4, right + 2)
    judgement = judge(CLAIMS["gip-everywhere"], user)
    assert judgement.ours.word == "holds" and judgement.ours.caveat == "" and len(judgement.ours.comparisons) == 8
    result = judgement.ours.comparisons[1]
    assert (
        result.compared == "Proposed Method (%) − KD (%) (Table 1: CIFAR-10)" and result.numbers == "76.2 − 73.2 = 3.00"
    )
    assert (result.n, result.estimate) == ((3, 3), pytest.approx(3.0))
    expected = stats.ttest_ind([76, 76.4, 76.2], [73, 73.4, 73.2], equal_var=False)
    assert (result.low, result.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert result.g == pytest.approx(3 / 0.2 * (1 - 3 / 15))
    wrong = [np.arange(1000) >= right for right in (760, 730)]  # gip_runs.finish
    low, high = paired_difference(wrong[1], wrong[0])
    assert result.images["n_images"] == 1000 and (result.images["low"], result.images["high"]) == (
        100 * low,
        100 * high,
    )
    # The teachers of two data sets and three seeds, and the first steps of the binary networks are not finished.
    assert judgement.needs == {"runs": 36 + 6 + 18, "command": 36 + 6 + 18}
    assert judgement.trained == {"runs": 36, "seconds": 108.0, "machines": ["CPU, 1 of 2 threads"],
                          "data": ["cifar10: official archive, verified by published checksum",
                                   "cifar100: official archive, verified by published checksum"]}  # fmt: skip
    assert judge(CLAIMS["gip-resnet-cifar10"], user).ours.word == "fails"  # 3 points, not 0.17


def test_ours_from_ratios_and_teachers(user, fill):
    fill("gip/cifar10/wrn28_10/baseline", 900, 900, 900)
    fill("gip/cifar10/resnet18/gip+teacher=wrn28_10", 880, 882, 884)
    fill("gip/cifar10/resnet18/gantsc+teacher=wrn28_10", 860, 862, 864)
    (result,) = judge(CLAIMS["gip-gantsc"], user).ours.comparisons
    assert result.estimate == pytest.approx(100 * 20 / 900, abs=1e-3) and result.low > 0
    fill("gip/cifar100/resnet34/baseline", 750, 752, 751)
    fill("gip/cifar100/resnet18/gip", 755, 757, 759)
    verdict = judge(CLAIMS["gip-over-teacher"], user).ours
    (result,) = verdict.comparisons
    expected = stats.ttest_ind([75.5, 75.7, 75.9], [75.0, 75.2, 75.1], equal_var=False).confidence_interval(0.95)
    assert verdict.word == "holds" and (result.low, result.high) == pytest.approx(tuple(expected))


def test_a_teacher_below_its_student_s_baseline_is_a_caveat_of_its_ratio(user, fill):
    fill("gip/cifar10/wrn28_10/baseline", 860, 860, 860)
    for method, right in (("gip+teacher=wrn28_10", 880), ("gantsc+teacher=wrn28_10", 860), ("baseline", 870)):
        fill(f"gip/cifar10/resnet18/{method}", right, right + 2, right + 4)
    ours = judge(CLAIMS["gip-gantsc"], user).ours
    assert ours.word == "holds"
    assert ours.caveat == "; ".join(
        f"the teacher of gip/cifar10/resnet18/{method}+teacher=wrn28_10 is worse than its student's Baseline"
        for method in ("gip", "gantsc")
    )
    fill("gip/cifar10/wrn28_10/baseline", 875, 875, 875)
    assert judge(CLAIMS["gip-gantsc"], user).ours.caveat == ""


def test_ours_that_diverged_or_cannot_be_read(user, fill):
    runs = [config.resolve(f"{C100}/gip+epochs=300/seed{seed}", user) for seed in range(3)]
    assert judge(CLAIMS["gip-epochs-resnet"], user).ours.word == "not run"
    fill(f"{C100}/gip", 600, 610, 620)
    for run in runs:
        end(run, status="diverged", step=9, epoch=2)
    assert judge(CLAIMS["gip-epochs-resnet"], user).ours.word == "diverged"
    fill(f"{C100}/gip+epochs=300", 500, 510, 520)
    assert judge(CLAIMS["gip-epochs-resnet"], user).ours.word == "holds"
    predictions = folder_of(runs[0]).path / "predictions.npz"
    predictions.write_bytes(b"damaged")
    (folder_of(runs[0]).path / "metrics.json").unlink()
    verdict = judge(CLAIMS["gip-epochs-resnet"], user).ours
    assert verdict.word == "not readable" and str(predictions) in verdict.why
    (folder_of(runs[0]).path / "result.json").write_text("{")
    assert "gip+epochs=300" in judge(CLAIMS["gip-epochs-resnet"], user).ours.why


def test_runs_without_their_predictions(user, fill):
    """A copy of the repository's own results has metrics.json, result.json and provenance.json only."""
    fill(f"{C100}/gip", 600, 610, 620)
    fill(f"{C100}/gip+epochs=300", 500, 510, 520)
    whole = judge(CLAIMS["gip-epochs-resnet"], user)
    for path in Path("results/paper").rglob("predictions.npz"):
        path.unlink()
    partial = judge(CLAIMS["gip-epochs-resnet"], user)
    assert whole.ours.comparisons[0].images and partial.ours.comparisons[0].images is None
    assert partial.trained == whole.trained
    without_images = tuple(replace(result, images=None) for result in whole.ours.comparisons)
    assert partial.ours == replace(whole.ours, comparisons=without_images)
    fill(f"{C100}/gip", 600)
    assert judge(CLAIMS["gip-epochs-resnet"], user).ours.comparisons[0].images is None
    fill(f"{C100}/gip+epochs=300", 500)
    assert judge(CLAIMS["gip-epochs-resnet"], user).ours.comparisons[0].images == whole.ours.comparisons[0].images
    (path := folder_of(config.resolve(f"{C100}/gip/seed0", user)).path / "predictions.npz").write_bytes(b"damaged")
    damaged = judge(CLAIMS["gip-epochs-resnet"], user).ours
    assert damaged.word == "not readable" and str(path) in damaged.why


def test_a_claim_needs_teachers_and_parents_too(user, fill):
    ratio = judge(CLAIMS["gip-gantsc"], user)
    assert (ratio.needs["runs"], ratio.trained) == (3 + 3 + 3 + 3, None)
    fill("gip/cifar10/wrn28_10/baseline", 900, 900, 900)
    assert judge(CLAIMS["gip-gantsc"], user).trained["runs"] == 3
    assert judge(CLAIMS["aikd-cifar100-error"], user).needs == {"runs": 6, "command": 180}
    assert judge(CLAIMS["aikd-omega-values"], user).needs is None


def test_combinations_without_entropy_that_diverge(user):
    for quantity in CLAIMS["gip-entropy-needed"].quantities:
        for seed in range(3):
            end(config.resolve(f"{quantity.run}/seed{seed}", user), status="diverged", step=9, epoch=2)
    assert judge(CLAIMS["gip-entropy-needed"], user).ours.word == "holds"


def leave_gans(user, features="inception"):
    """Leave finished GANs with metrics on these features; returns the folders by run."""
    folders = {}
    for group, fid in (("single", [139.0, 140.0, 141.0]), ("okd", [118.0, 118.4, 118.8])):
        for seed, value in enumerate(fid):
            run = config.resolve(f"okd/codebrim/sagan/{group}/seed{seed}", user)
            folder = folders[str(run.run)] = folder_of(run).path
            values = dict.fromkeys(("fid.G1", "fid.G2", "fid.G3", "fid.mean"), value)
            write_json(folder / "provenance.json", {"code": "0", "data": {"sha256": {}}, "result": {}})
            write_json(folder / "result.json", {"status": "done", "config_hash": run.hash, "sha256": {}})
            write_json(folder / "metrics.json", {"status": "done", "values": values, "meta": {"features": features}})
    return folders


def test_a_gan_with_random_features_gets_no_verdict(user):
    leave_gans(user)
    assert judge(CLAIMS["okd-sagan-all"], user).ours.word == "holds"
    assert judge(CLAIMS["okd-sagan-g2"], user).ours.word == "holds"
    assert judge(CLAIMS["okd-sagan-mean"], user).ours.word == "fails"  # 15.4 %, not 5.5 %
    other = with_features(user, "random_inception")
    ours = judge(CLAIMS["okd-sagan-all"], other).ours
    expected = "distances on 2,048 features of Inception with random weights, not FIDs"
    assert (ours.word, ours.why) == ("no verdict", expected)


def test_a_gan_on_features_of_another_trained_network_is_judged_with_a_caveat(user):
    other = with_features(user, "efficientnet_lite0")
    ours = judge(CLAIMS["okd-sagan-all"], other).ours
    assert ours.word == "holds"
    assert "distances on 1,280 features of EfficientNet-Lite0 trained on ImageNet, not FIDs" in ours.caveat
    assert judge(CLAIMS["okd-sagan-g2"], other).ours.word == "no verdict", "the paper's 15.4 % are of FIDs"


def with_features(user, features):
    """Return the user with these features for GANs, which are finished and evaluated on them."""
    other = user.model_copy(update={"override": {"okd": {"features": features}}})
    leave_gans(other, features)
    return other


def test_an_evaluation_by_older_code_is_a_caveat(user, monkeypatch):
    leave_gans(user)
    older = "okd/codebrim/sagan/single/seed1"
    kinds = {older: Kind.OLDER_EVALUATION}
    monkeypatch.setattr(table_cells, "state_of", lambda run: State(kinds.get(str(run.run), Kind.DONE)))
    ours = judge(CLAIMS["okd-sagan-all"], user).ours
    assert (ours.word, ours.caveat) == (
        "holds",
        f"measured before a change of advkd's code, and still counted: {older}",
    )


def test_seeds_that_were_made_otherwise_get_no_verdict(user):
    folders = leave_gans(user)
    changed = {"code": "1", "data": {"sha256": {}}, "result": {}}
    write_json(folders["okd/codebrim/sagan/okd/seed1"] / "provenance.json", changed)
    ours = judge(CLAIMS["okd-sagan-all"], user).ours
    assert (ours.word, ours.why) == ("no verdict", "seeds not alike (seed 1 has other code than seed 0)")


def test_seconds_per_epoch_are_computed_and_name_their_hardware_without_a_verdict(user, fill):
    fill("gip/cifar10/resnet18/gip", 600, 600, 600)
    ours = judge(CLAIMS["gip-seconds"], user).ours
    assert (ours.word, ours.why) == ("no verdict", "times on other machines cannot be compared")
    measured, missing = ours.comparisons
    assert measured.estimate == pytest.approx(3.0 / 200) and measured.machines == ("CPU, 1 of 2 threads",)
    assert measured.claimed == "= 108" and measured.agrees is None and missing.numbers == "not run"
    assert "; on CPU, 1 of 2 threads" in claims_page(user).split("### gip-seconds\n")[1].split("###")[0]


# --- what is shown


def test_judgements_are_json(user, fill):
    fill(f"{C100}/gip", 600, 610)
    fill(f"{C100}/gip+epochs=300", 500)
    by_id = {judgement["id"]: judgement for judgement in judgements.judge_all(user)}
    assert list(by_id) == list(CLAIMS) and json.loads(json.dumps(by_id, allow_nan=False)) == by_id
    judgement = by_id["gip-epochs-resnet"]
    assert judgement["ours"]["word"] == "not enough runs" and judgement["ours"]["comparisons"][0]["n"] == [2, 1]
    assert judgement["command"] == "snakemake --cores all gip_table6 --config scale=paper seeds=3"


def test_claims_page(user, fill):
    fill(f"{C100}/gip", 600, 610, 620)
    fill(f"{C100}/gip+epochs=300", 500, 510, 520)
    text = claims_page(user)
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]
    assert headings == list(CLAIMS)
    block = text.split("### gip-epochs-resnet\n")[1].split("###")[0]
    for line in (
        "section 4.3",
        "- command: `snakemake --cores all gip_table6 --config scale=paper seeds=3`, which trains 12 runs\n",
        "- needs 9 runs; 6 of them finished, in 18 s on CPU, 1 of 2 threads\n",
        "- published: **holds**",
        "- ours: **holds**",
        "61.0 − 51.0 = 10.00",
        "- data: cifar100: official archive",
    ):
        assert line in block
    links = dict(re.findall(r"^\| \[(\S+)\]\(#\1\) \| .* \| (.*) \|$", text, flags=re.MULTILINE))
    assert list(links) == list(CLAIMS) and links["gip-epochs-resnet"] == "9 runs; 6 of them finished, in 18 s"
    assert links["aikd-top1"] == "180 runs; none finished at this scale" and links["aikd-omega-values"] == ""
    assert "- how we read it: accuracy rises with every step" in text.split("### gip-epochs-reactnet\n")[1]


def test_docs_claims_md_is_up_to_date(checkout):
    """`advkd claims --config scale=paper --out docs/claims.md` writes it, where no run of that scale is finished."""
    page = (ROOT / "docs/claims.md").read_text(encoding="utf-8")
    assert page == claims_page(config.user({"scale": "paper"})), "write docs/claims.md again"


def test_comparisons_read_well():
    gain = judge_published(CLAIMS["gip-few-images"]).comparisons[0]
    assert gain.numbers == "78.30 + 94.96 − 77.73 − 95.13 = 0.40"
    (result,) = judge_published(CLAIMS["okd-sagan-g2"]).comparisons
    assert result.compared == "OKD-SAGAN G2 below SAGAN (Table 1: FID)"
    assert result.numbers == "118.23 against 139.76: 15.4 %" and result.n == (1, 1) and result.p is None
