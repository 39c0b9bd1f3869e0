"""The SLURM profile and the workflow's rules agree."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from checkouts import copy_checkout, snakemake

PROFILE = yaml.safe_load(Path("profiles/slurm/config.yaml").read_text())
RULES = {
    name: text
    for path in Path("workflow/rules").glob("*.smk")
    for name, text in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", path.read_text(), re.MULTILINE)
}

DOCUMENTED = re.findall("^snakemake (.* --resources .*)$", Path("docs/scale.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("words", DOCUMENTED)
def test_snakemake_understands_the_documented_commands(words, tmp_path):
    assert len(DOCUMENTED) == 2
    done = snakemake(copy_checkout(tmp_path), "-n", *shlex.split(words))
    assert int(re.search(r"^train +(\d+)$", done.stdout, re.MULTILINE)[1]) > 500
    assert int(re.search(r"--cores (\d+)", words)[1]) >= 4 * int(re.search(r"gpu=(\d+)", words)[1]), "4 threads each"


def test_every_rule_that_uses_a_gpu_asks_the_cluster_for_one_and_no_total_is_set():
    using = {name for name, text in RULES.items() if "gpu=" in text}
    assert using == {name for name, resources in PROFILE["set-resources"].items() if resources == {"gpu": 1}}
    assert len(using) == 3 and "resources" not in PROFILE


def test_a_job_gets_a_signal_before_its_time_limit_and_is_queued_again_after_a_preemption():
    assert PROFILE["default-resources"]["slurm_extra"] == "'--signal=USR1@120'" and PROFILE["slurm-requeue"] is True


def test_no_rule_sets_retries_or_a_group():
    assert PROFILE["retries"] > 0
    assert not [name for name, text in RULES.items() if re.search(r"^    (retries|group):", text, re.MULTILINE)]


def test_jobs_on_the_cluster_ask_for_more_in_every_try():
    remote = {"train", "reals", "evaluate", "prepare"}
    assert {name for name, text in RULES.items() if "runtime=lambda wildcards, attempt:" in text} == remote
    assert {name for name, text in RULES.items() if "mem_mb=lambda wildcards, attempt:" in text} == remote
    local = re.search(r"localrules:\n((?:    \w+,\n)+)", Path("Snakefile").read_text())[1]
    assert RULES.keys() - remote <= set(re.findall(r"\w+", local)), "all other jobs run where snakemake was started"
