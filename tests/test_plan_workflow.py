"""`advkd plan` says of each rule how many jobs a dry run of Snakemake shows, in whatever state the checkout is."""

import re
import shutil
from pathlib import Path

import pytest

from advkd.files import read_json, write_json
from advkd.runs.folder_writer import WritableFolder
from checkouts import advkd, copy_checkout, snakemake

TABLE = "aikd_table6"
TINY = ["seeds=1", "override={aikd: {epochs: 1, width: 8}}", "device=cpu"]
RUN = "aikd/cifar100/preact_resnet18/baseline/seed0"
STUDENT = RUN.replace("baseline", "aikd")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A checkout in which a table was made at smoke scale."""
    folder = copy_checkout(tmp_path_factory.mktemp("built") / "checkout")
    snakemake(folder, TABLE, "--config", *TINY)
    return folder


@pytest.fixture
def folder(built, tmp_path):
    shutil.copytree(built, tmp_path / "checkout", symlinks=True)
    return tmp_path / "checkout"


def shown(folder: Path, target: str, *words: str) -> dict[str, int]:
    """The jobs that a dry run shows, without the target itself."""
    printed = snakemake(folder, "-n", target, "--config", *TINY, *words).stdout
    stats = printed.split("Job stats:")[-1].split("total")[0] if "Job stats:" in printed else ""
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}
    return {rule: count for rule, count in counts.items() if rule != target}


def planned(folder: Path, target: str, *words: str) -> tuple[dict[str, int], str]:
    text = advkd(folder, "plan", target, "--config", *TINY, *words).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("snakemake would run: ")]
    return {rule: int(count) for count, rule in re.findall(r"(\d+) (\w+)", line)}, text


def nothing_done(folder: Path) -> None:
    for name in ("results", "data", "logs", ".snakemake"):
        shutil.rmtree(folder / name)


def part_done(folder: Path) -> None:
    no_table(folder)
    no_run_behind_the_table(folder)


def no_run_behind_the_table(folder: Path) -> None:
    """Snakemake makes no missing file again whose every product is there and newer than all else."""
    shutil.rmtree(folder / "results/smoke/runs" / STUDENT)


def a_stale_run(folder: Path) -> None:
    """A run of other settings, also in its own records."""
    run = folder / "results/smoke/runs" / RUN
    result = {**read_json(run / "result.json"), "config_hash": "0" * 12}
    provenance = read_json(run / "provenance.json")
    del provenance["digest"]
    write_json(run / "result.json", result)
    WritableFolder(run).write_provenance({**provenance, "result": result})


def no_records(folder: Path) -> None:
    shutil.rmtree(folder / ".snakemake")


def no_table(folder: Path) -> None:
    (folder / f"results/smoke/tables/{TABLE}.csv").unlink()


# What each situation needs: trainings and other jobs, other jobs only, or nothing.
SITUATIONS = {
    nothing_done: "training",
    part_done: "training",
    a_stale_run: "training",
    no_table: "jobs",
    no_records: "nothing",
    no_run_behind_the_table: "nothing",
}


@pytest.mark.parametrize("change", SITUATIONS)
def test_plan_says_what_snakemake_would_run(folder, change):
    change(folder)
    jobs, text = planned(folder, TABLE)
    assert jobs == shown(folder, TABLE)
    assert ("train" in jobs) == (SITUATIONS[change] == "training") == ("nothing is left to train" not in text)
    assert bool(jobs) == (SITUATIONS[change] != "nothing")
    if change is no_run_behind_the_table:
        assert "leaves 1 unfinished run " in text and f"  {STUDENT} " in text and "6 finished" in text.splitlines()[0]


def test_an_outdated_store_is_prepared_again(folder):
    code = folder / "src/advkd/data/classifier_store.py"
    code.write_text(code.read_text() + "\nCHANGED = True\n")
    jobs, _ = planned(folder, TABLE, "retrain=stale")
    assert jobs == shown(folder, TABLE, "retrain=stale") and jobs["prepare"] == 1


def test_what_snakemake_refuses_is_one_line(folder):
    bad = "runs=[okd/codebrim/sagan/okd+roh=1/seed0]"
    done = advkd(folder, "plan", "runs", "--config", bad, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "unknown key 'roh'" in done.stderr


def test_what_was_kept_is_not_trained_again(folder, tmp_path):
    """Another checkout goes on from what `advkd keep` copied: it trains a second seed only."""
    of_one_seed = shown(copy_checkout(tmp_path / "empty"), TABLE)
    advkd(folder, "keep", "--config", *TINY, "--out", tmp_path / "kept")
    other = copy_checkout(tmp_path / "other")
    shutil.copytree(tmp_path / "kept/results", other / "results", dirs_exist_ok=True)
    assert shown(other, TABLE) == {"table": 1}
    assert shown(other, TABLE, "seeds=2") == of_one_seed
