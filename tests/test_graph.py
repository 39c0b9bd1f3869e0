"""What workflow/rules/graph.smk takes of Snakemake's own, and what is said where a Snakemake lacks it."""

import re

import pytest

from checkouts import ROOT, snakemake

LACKS = {
    "Workflow._prepare_dag": "del type(workflow)._prepare_dag",
    "Workflow._build_dag": "del type(workflow)._build_dag",
}


@pytest.mark.parametrize("attribute", LACKS)
def test_a_snakemake_without_what_is_replaced_is_told_in_one_line(checkout, attribute):
    snakefile = checkout / "Snakefile"
    snakefile.write_text(f"{LACKS[attribute]}\n{snakefile.read_text(encoding='utf-8')}", encoding="utf-8")
    done = snakemake(checkout, "--dry-run", "okd_table1", check=False)
    assert done.returncode != 0
    printed = done.stdout + done.stderr
    lines = [line for line in printed.splitlines() if attribute in line]
    assert len(lines) == 1 and "requirements.lock" in lines[0] and "Traceback" not in printed


def test_no_other_file_of_the_workflow_takes_what_is_snakemakes_own():
    files = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]
    private = [path.name for path in files if re.search(r"\bworkflow\._|\bdag\._", path.read_text(encoding="utf-8"))]
    assert private == ["graph.smk"]
