"""Read-only results: commands that read them work, commands that write them fail with one line."""

import json
import re
from pathlib import Path

import pytest
import tiny_classifiers
import tiny_runs
from small_disks import Disk
from small_workflows import FOLDER, RUN, SETTINGS, finish

from advkd.cli import main
from advkd.files import write_json
from advkd.settings import config
from checkouts import advkd, copy_checkout, snakemake

DIVERGED = Path(str(FOLDER).replace("seed0", "seed1"))
CLASSIFIER = "aikd/cifar100/preact_resnet18/baseline/seed0"
OVERRIDE = {"okd": SETTINGS, "aikd": tiny_classifiers.TINY}
CONFIG = ["--config", f"override={json.dumps(OVERRIDE)}", "device=cpu"]
REFUSED = "Read-only file system"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Read-only results: a finished GAN, a diverged one, and a finished classifier without metrics."""
    checkout = copy_checkout(tmp_path_factory.mktemp("built") / "checkout")
    disk = Disk(checkout / "results", 64 << 20)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(checkout)
            for name, tiny in ((RUN, tiny_runs), (CLASSIFIER, tiny_classifiers)):
                finish(name, tiny, config.user({"override": OVERRIDE}))
            diverged = config.resolve(RUN.replace("seed0", "seed1"), config.user({"override": OVERRIDE}))
            result = {"status": "diverged", "step": 3, "config_hash": diverged.hash, "sha256": {}}
            write_json(DIVERGED / "result.json", result)
        with disk.read_only():
            yield disk
    finally:
        disk.unmount()


@pytest.fixture(autouse=True)
def _there(results, _in_checkout, monkeypatch):
    monkeypatch.chdir(results.folder.parent)


READERS = [
    (["status", "--all"], f"{RUN}  trained, not evaluated"),
    (["plan", "okd_table1"], f"{RUN.replace('single', 'okd')} "),
    (["explain", "okd_table1", "SAGAN"], "rests on"),
    (["explain", CLASSIFIER], f"run         {CLASSIFIER}"),
    (["measure", CLASSIFIER], "top1_error"),
    (["config", RUN], "iterations: 40"),
    (["audit"], "="),
    (["claims"], "|"),
]


@pytest.mark.parametrize(("words", "part"), READERS, ids=[" ".join(words) for words, _ in READERS])
def test_commands_that_read_work(words, part, results, capsys):
    before = results.names()
    assert main([*words, *CONFIG]) == 0
    printed = capsys.readouterr()
    assert part in printed.out and REFUSED not in printed.out + printed.err
    assert results.names() == before


def test_a_command_works_although_its_log_cannot_be_written(capsys):
    assert main(["status", "--log", "results/status.log", *CONFIG]) == 0
    assert capsys.readouterr().out.startswith("scale smoke")


def test_a_page_can_be_written_elsewhere(tmp_path):
    assert main(["report", "--html", str(tmp_path / "page.html"), *CONFIG]) == 0
    assert CLASSIFIER in (tmp_path / "page.html").read_text()


WRITERS = [
    (["train", RUN], f"{FOLDER}/.lock: "),
    (["train", RUN.replace("seed0", "seed2")], f"{str(FOLDER).replace('seed0', 'seed2')}: "),
    (["synthesize", RUN, "--count", "1", "--out", "results/i"], "results/i/G1/000000.png cannot be written: "),
    (["evaluate", RUN.replace("seed0", "seed1"), "--reals", "data", "--out", f"{DIVERGED}/metrics.json"],
     f"{DIVERGED}/metrics.json cannot be written: "),
    (["table", "aikd_table2", "--out", "results/tables"], "results/tables/aikd_table2.csv cannot be written: "),
    (["figure", "aikd_figure4", "--out", "results/figures"], "results/figures/aikd_figure4.pdf cannot be written: "),
    (["report", "--html", "results/report.html"], "results/report.html cannot be written: "),
    (["claims", "--out", "results/claims.md"], "results/claims.md cannot be written: "),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRITERS, ids=[" ".join(words[:2]) for words, _ in WRITERS])
def test_commands_that_write_fail_with_one_line(words, said, results, capsys):
    before = results.names()
    assert main([*words, *CONFIG]) == 2
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1] == f"advkd {words[0]}: {said}{REFUSED}"
    assert not [line for line in printed if line.startswith("Traceback")] and results.names() == before


@pytest.fixture
def disk(tmp_path):
    """A checkout on a disk of its own."""
    disk = Disk(tmp_path / "checkout", 64 << 20)
    copy_checkout(disk.folder)
    yield disk
    disk.unmount()


@pytest.mark.parametrize("started", [False, True])
def test_a_dry_run_in_a_read_only_checkout_fails_with_one_line(disk, started):
    """Snakemake makes its own folder, and writes into it, also in a dry run."""
    checkout = disk.folder
    if started:
        snakemake(checkout, "-n", "okd_table1")
    said = ".snakemake/iocache/latest.pkl: " if started else ".snakemake: "
    said += f"{REFUSED}; Snakemake writes there also in a dry run"
    before = disk.names()
    with disk.read_only():
        dry = snakemake(checkout, "-n", "okd_table1", check=False)
        planned = advkd(checkout, "plan", "okd_table1", check=False)
    assert dry.returncode == 1 and said in dry.stdout and not re.search("Traceback|OSError", dry.stdout + dry.stderr)
    *announced, last = planned.stderr.splitlines()
    assert planned.returncode == 2 and said in last and all(line.startswith("counting ") for line in announced)
    assert disk.names() == before
