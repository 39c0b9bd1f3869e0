"""The example package of examples/: installed beside the checkout, it is resolved, trained, tabled and explained."""

import csv
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from checkouts import ROOT, copy_checkout, environment

EXAMPLE = ROOT / "examples/advkd-dkd"
TABLE, RUN = "gip_tableS9", "gip/cifar100/resnet18/dkd/seed0"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that the package was installed into, as pip does, with its entry point."""
    source, target = tmp_path_factory.mktemp("source") / "advkd-dkd", tmp_path_factory.mktemp("installed")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*cache"))
    # Without a network: the build backend is the one that advkd itself is built with.
    options = ["--no-deps", "--no-build-isolation", "--offline", "--python", sys.executable, "--target", str(target)]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", "-q", *options, str(source)], check=True)
    (entry,) = importlib.metadata.Distribution.at(next(target.glob("advkd_dkd-*.dist-info"))).entry_points
    assert (entry.group, entry.name, entry.value) == ("advkd.methods", "dkd", "advkd_dkd.settings:DkdSettings")
    return target


@pytest.fixture(scope="module")
def project(installed, tmp_path_factory):
    """A checkout in which the package's table was made at smoke scale."""
    folder = copy_checkout(tmp_path_factory.mktemp("dkd") / "checkout")
    shutil.copy(EXAMPLE / f"paper/published/{TABLE}.csv", folder / "paper/published")
    captions = folder / "paper/papers.yaml"
    caption = f'artifacts:\n  {TABLE}: "DKD beside KD on CIFAR-100 (not in the paper)"'
    captions.write_text(captions.read_text().replace("artifacts:", caption, 1))
    python(folder, installed, "-m", "snakemake", "--cores", "2", TABLE)
    return folder


def python(folder, installed, *words, check=True):
    paths = os.pathsep.join([str(folder / "src"), str(installed)])
    env = environment(folder) | {"PYTHONPATH": paths}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def advkd(folder, installed, *words, check=True):
    return python(folder, installed, "-m", "advkd", *words, check=check)


def test_its_own_tests_pass(installed):
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(EXAMPLE)]
    done = python(ROOT, installed, *tests, str(EXAMPLE / "tests"))
    assert " failed" not in done.stdout and "[100%]" in done.stdout


def test_the_guide_shows_its_settings_as_they_are():
    (shown,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/adding-a-method.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert shown in (EXAMPLE / "src/advkd_dkd/settings.py").read_text()


def test_its_run_is_resolved(project, installed):
    plain = yaml.safe_load(advkd(project, installed, "config", RUN).stdout)
    changed = yaml.safe_load(advkd(project, installed, "config", RUN.replace("dkd/", "dkd+dkd_beta=2/")).stdout)
    assert (plain["method"], plain["teacher"], plain["dkd_tau"], plain["dkd_beta"]) == ("dkd", "resnet34", 4, 8)
    assert changed == {**plain, "dkd_beta": 2}
    refused = advkd(project, installed, "config", RUN.replace("dkd/", "dkd+dkd_tau=-1/"), check=False)
    assert refused.returncode == 2 and "dkd_tau is -1" in refused.stderr and refused.stderr.count("\n") == 1


def test_its_table_has_numbers_of_its_runs(project):
    with (project / f"results/smoke/tables/{TABLE}.csv").open(newline="") as file:
        rows = {row["row"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["Baseline", "KD", "DKD", "DKD, beta 2"] and {row["status"] for row in rows.values()} == {
        "done"
    }
    folder = project / "results/smoke/runs" / RUN
    assert float(rows["DKD"]["mean"]) == json.loads((folder / "metrics.json").read_text())["values"]["accuracy"]
    assert rows["DKD"]["config_hashes"] != rows["DKD, beta 2"]["config_hashes"]
    columns = (folder / "history.csv").read_text().splitlines()[0].split(",")
    assert {"CE", "TCKD", "NCKD", "train_error", "valid_error"} <= set(columns)
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["data"]["parents"]["teacher"]["run"] == "gip/cifar100/resnet34/baseline/seed0"
    text = (project / f"results/smoke/tables/{TABLE}.md").read_text()
    assert "DKD, beta 2" in text and "DKD beside KD on CIFAR-100" in text


def test_its_cell_is_explained(project, installed):
    told = advkd(project, installed, "explain", TABLE, "DKD").stdout
    assert f"{RUN}: done" in told and "teacher" in told
    told = advkd(project, installed, "measure", RUN, "--against", RUN.replace("dkd", "kd", 1)).stdout
    assert "McNemar" in told
    program = "import advkd; frame = advkd.results(); print(sorted(frame['settings.dkd_beta'].dropna()))"
    assert python(project, installed, "-c", program).stdout.strip() == "[2.0, 8.0]"


def test_without_the_package_the_cell_stays_empty_and_says_why(project):
    done = advkd(project, project / "nothing", "config", RUN, check=False)
    assert done.returncode == 2 and "'dkd' is not among the methods of gip" in done.stderr
    cell = advkd(project, project / "nothing", "explain", TABLE, "DKD").stdout
    assert "cannot be built" in cell and "'dkd' is not among the methods of gip" in cell
