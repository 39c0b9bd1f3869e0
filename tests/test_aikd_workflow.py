"""AI-KD through the workflow: superiors before students, a table, a data set of one's own, bad input."""

import csv

import numpy as np
import pytest
from PIL import Image

from advkd.files import read_json
from checkouts import advkd, copy_checkout, snakemake

ROOT = "results/smoke/runs/aikd/cifar100/preact_resnet18"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout in which AI-KD's Tables 1 and 7 were made at smoke scale."""
    folder = copy_checkout(tmp_path_factory.mktemp("aikd") / "checkout")
    snakemake(folder, "aikd_table1", "aikd_table7")
    return folder


def rows(folder, table):
    with (folder / f"results/smoke/tables/{table}.csv").open() as file:
        return list(csv.DictReader(file))


def test_table_7_is_filled_from_predictions(built):
    found = rows(built, "aikd_table7")
    assert len(found) == 8 and {row["status"] for row in found} == {"done"}
    for row in found:
        folder = built / "results/smoke/runs" / row["runs"]
        with np.load(folder / "predictions.npz") as arrays:
            top = 1 if row["metric"] == "top1_error" else 5
            best = np.argsort(-arrays["logits"], axis=1)[:, :top]
            wrong = 100 * (best != arrays["labels"][:, None]).all(1).mean()
        assert float(row["mean"]) == pytest.approx(wrong, abs=1e-6)
        assert float(row[f"top{top}_low_mean"]) <= wrong <= float(row[f"top{top}_high_mean"])
    text = (built / "results/smoke/tables/aikd_table7.md").read_text()
    for words in ("reproduces nothing", "drawn by a program", "epochs 3 (300)", "width 8 (64)", "Last epoch"):
        assert words in text


def test_one_superior_served_all_students(built):
    superior = "aikd/cifar100/preact_resnet18/baseline/seed0"
    weights = read_json(built / "results/smoke/runs" / superior / "result.json")["sha256"]
    for method in ("aikd", "aikd+augment=cutmix", "aikd+augment=mixup", "aikd+augment=cutout"):
        parents = read_json(built / ROOT / method / "seed0/provenance.json")["data"]["parents"]
        assert parents == {"superior": {"run": superior, "sha256": weights}}


def test_table_1_counts_the_archives(built):
    found = {(row["row"], row["metric"]): row for row in rows(built, "aikd_table1")}
    assert len(found) == 18 and {row["status"] for row in found.values()} == {"counted"}
    cifar = found["Coarse / CIFAR-100", "classes"]
    assert (cifar["published"], float(cifar["official"]), float(cifar["mean"])) == ("10", 100, 8)
    assert "drawn by a program" in (built / "results/smoke/tables/aikd_table1.md").read_text()


def test_nothing_is_made_twice(built):
    assert "Nothing to be done" in snakemake(built, "-n", "aikd_table1", "aikd_table7").stdout


def test_explain_names_the_superior_s_student(built):
    text = advkd(built, "explain", "aikd_table7", "CutMix", "Top-1").stdout
    result = read_json(built / ROOT / "aikd+augment=cutmix/seed0/result.json")
    for words in ("published   18.97", result["sha256"]["model.safetensors"], "learned from", "best.top1_error"):
        assert words in text


def test_two_runs_are_compared_on_the_same_images(built):
    names = [f"aikd/cifar100/preact_resnet18/{method}/seed0" for method in ("aikd", "baseline")]
    text = advkd(built, "measure", names[0], "--against", names[1]).stdout
    assert "top1_error" in text and "McNemar" in text and "95 % interval" in text


def test_aikd_on_a_folder_of_one_s_own(built, tmp_path):
    random = np.random.default_rng(0)
    for kind, colour in (("crack", (200, 40, 40)), ("sound", (40, 40, 200))):
        (tmp_path / "my images" / kind).mkdir(parents=True)
        for number in range(10):
            pixels = np.clip(np.array(colour) + random.normal(0, 30, (50, 70, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "my images" / kind / f"{number}.png")
    words = [f"folders={{mine: '{tmp_path / 'my images'}'}}", "runs=[aikd/mine/resnet18/aikd/seed0]"]
    snakemake(built, "runs", "--config", *words, "override={aikd: {epochs: 2, batch: 4}}")
    folder = built / "results/smoke/runs/aikd/mine/resnet18"
    assert read_json(folder / "baseline/seed0/result.json")["status"] == "done"
    data = read_json(folder / "aikd/seed0/provenance.json")["data"]
    assert data["classes"] == ["crack", "sound"] and data["source"]["verified"] == "the user's own images"


BAD = {
    "override={aikd: {alpha_g: -1}}": "override.aikd: alpha_g is -1",
    "runs=[aikd/cifar100/resnet50/aikd/seed0]": "'resnet50' is not among the models",
    "runs=[aikd/mine/resnet18/aikd/seed0]": "'mine' is no data set of this paper",
}


@pytest.mark.parametrize("setting", BAD)
def test_bad_input_stops_before_anything_runs(checkout, setting):
    done = snakemake(checkout, "aikd_table4", "runs", "--config", setting, check=False)
    assert done.returncode != 0 and BAD[setting] in done.stderr
    assert not (checkout / "results").exists()
