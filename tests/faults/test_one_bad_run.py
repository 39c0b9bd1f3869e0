"""A run whose settings are impossible stops only what needs it, and says in one line why it cannot be built."""

import pytest

from advkd.artifacts.table_cells import collect_rows
from advkd.claims.judgements import judge_all
from advkd.cli import main
from advkd.files import read_json
from advkd.report import content
from advkd.settings import catalog, config
from advkd.settings.tags import tags
from checkouts import snakemake

BAD = "okd/codebrim/sagan/okd+roh=1/seed0"
# A generator draws images whose sides are multiples of 4: a student of GIP cannot be trained on 30 pixels, others can.
REASON = "image_size is 30: a generator's must be a multiple of 4"
SMALL = ["override={gip: {image_size: 30, stored_size: 30}}"]
NEEDLESS = ["override={okd: {batch: 5000}}"]  # larger than the data set, for every run of the paper


@pytest.fixture
def user(checkout):
    return config.user({"override": {"gip": {"image_size": 30, "stored_size": 30}}, "runs": [BAD]})


def test_the_others_are_resolved(user):
    reasons, built = catalog.not_built(user), catalog.all_runs(user)
    assert reasons[BAD].startswith(f"{BAD}: unknown key 'roh'")
    assert reasons["gip/cifar10/resnet18/gip/seed0"].endswith(REASON)
    assert not reasons.keys() & built.keys()
    assert {name.split("/")[0] for name in built} == {"okd", "aikd", "gip"}
    assert "gip/cifar10/wrn28_10/baseline" in tags(user)


def test_a_table_says_why_and_shows_the_other_cells(user, tmp_path):
    rows = {(row["row"], row["column"]): row for row in collect_rows("gip_table3", user)}
    student = rows["Our method", "Student (ResNet-18) (%)"]
    assert (student["status"], student["ended"]) == ("cannot be built", "cannot be built")
    assert student["damage"].startswith("cannot be built: gip/cifar10/resnet18/gip") and REASON in student["damage"]
    assert rows["Our method", "Teacher (WideResNet-28-10) (%)"]["status"] == "not run"
    assert main(["table", "gip_table3", "--out", str(tmp_path), "--config", *SMALL]) == 0
    text = (tmp_path / "gip_table3.md").read_text()
    assert "| cannot be built" in text and f"Cannot be built: {student['damage'][17:]}." in text


def test_a_figure_says_why(user, tmp_path):
    assert main(["figure", "gip_figureS1", "--out", str(tmp_path), "--config", *SMALL]) == 0
    assert REASON in read_json(tmp_path / "gip_figureS1.json")["damage"]


def test_status_and_explain_say_why(user, capsys):
    assert main(["status", "--config", *SMALL, f"runs=[{BAD}]"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith(f"  {BAD}  cannot be built: {BAD}: unknown key 'roh'")]
    told = [line for line in lines if line.startswith("  gip/cifar10/resnet18/gip/seed0  ")]
    assert told == [f"  gip/cifar10/resnet18/gip/seed0  cannot be built: gip/cifar10/resnet18/gip/seed0: {REASON}"]
    assert main(["explain", "gip_table3", "--config", *SMALL]) == 0
    printed = capsys.readouterr().out
    assert f"cannot be built: gip/cifar10/resnet18/gip+teacher=wrn28_10/seed0: {REASON}" in printed
    assert "rests on    R" in printed


def test_the_report_says_why(user):
    gathered = content.gather_content(user)
    assert any(line.startswith(f"{BAD} cannot be built: ") for line in gathered.overview.not_built)
    table = next(table for table in gathered.tables if table.record.name == "gip_table3")
    assert {entry.state for entry in table.entries} == {"cannot be built", "not run"}
    assert not gathered.overview.damage


def test_claims_are_judged(user):
    at_paper_scale = user.model_copy(update={"scale": "paper"})
    reasons = [judged["ours"]["why"] for judged in judge_all(at_paper_scale)]
    assert any(reason.endswith(REASON) for reason in reasons) and not all(reason.endswith(REASON) for reason in reasons)


@pytest.mark.parametrize("target", ["gip_table3", "all"])
def test_targets_that_can_be_made_are_planned(checkout, target):
    done = snakemake(checkout, "-n", target, "--config", *SMALL, f"runs=[{BAD}]")
    assert "runs cannot be built (advkd status lists them), such as" in done.stderr
    assert "train" in done.stdout and "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["runs", "--config", f"runs=[{BAD}]"], "unknown key 'roh'"),
        (["okd_table1", "--config", *NEEDLESS], "no run of okd can be built: okd/codebrim/"),
    ],
)
def test_a_target_that_cannot_do_without_it_ends_with_one_line(checkout, words, reason):
    done = snakemake(checkout, "-n", *words, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode != 0 and "Traceback" not in printed and reason in printed.split("WorkflowError")[1]


def test_the_other_papers_do_without_it(checkout):
    assert "train" in snakemake(checkout, "-n", "aikd_table2", "--config", *NEEDLESS).stdout
