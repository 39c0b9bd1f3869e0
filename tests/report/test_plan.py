import json
from pathlib import Path

import pytest

from advkd.errors import UserError
from advkd.report import plan, status
from advkd.runs import paces
from advkd.runs.estimates import Estimate, measured
from advkd.settings import catalog, config
from advkd.settings.names import Run


def finish(root: Path, name: str, seconds: float, epochs: int, hashed: str = "", status: str = "done") -> None:
    folder = root / "results" / "smoke" / "runs" / name
    folder.mkdir(parents=True)
    result = {
        "run": name,
        "status": status,
        "epochs": epochs,
        "steps": 9 * epochs,
        "config_hash": hashed,
        "step": 1,
        "sha256": {},
    }
    (folder / "provenance.json").write_text(
        json.dumps({"result": result, "wall_seconds": seconds, "code": "", "data": {}})
    )
    (folder / "result.json").write_text(json.dumps(result))


@pytest.fixture
def smoke():
    return config.user({"scale": "smoke"})


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):  # a checkout without results
    for name in ("config", "paper", "profiles", "workflow", "src", "Snakefile"):
        (tmp_path / name).symlink_to(Path(name).resolve())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_and_the_teachers_it_needs(elsewhere, smoke):
    text = plan.report("gip_table1", smoke, 1)
    assert text.startswith("gip_table1 at scale smoke: 8 runs, 0 finished")
    (line,) = [line for line in text.splitlines() if "gip/cifar100/resnet34/baseline/seed0" in line]
    assert line.endswith(" (counted)")
    assert "counted: for 8 of these 8 no similar run is finished; a step of each kind was timed" in text


def test_time_is_the_pace_of_the_most_similar_runs_times_the_length(elsewhere, smoke):
    finish(elsewhere, "gip/cifar10/resnet18/gip/seed1", 30.0, 3)
    finish(elsewhere, "gip/cifar10/resnet18/gip+delta=1/seed0", 500.0, 5)
    finish(elsewhere, "gip/cifar10/resnet18/kd+tau=4/seed0", 8.0, 4)
    pace = paces.measured(smoke)
    assert pace[Run.parse("gip/cifar10/resnet18/gip/seed1")] == 10.0
    found = {name: measured(one, pace) for name, one in catalog.runs("gip_table1", smoke).items()}
    assert found["gip/cifar10/resnet18/gip/seed0"] == Estimate(20.0, "other seeds")  # 2 epochs
    assert found["gip/cifar10/resnet18/kd/seed0"] == Estimate(4.0, "other variants")
    assert found["gip/cifar100/resnet18/gip/seed0"] == Estimate(2 * (10 + 100) / 2, "other data sets")
    assert found["gip/cifar10/resnet18/baseline/seed0"] is None
    text = plan.report("gip_table1", smoke, 2)
    assert "20 s (measured on other seeds)" in text and "with 2 side by side" in text
    assert "counted: for 4 of these 8 no similar run is finished" in text


def test_what_is_finished_is_not_planned(elsewhere, smoke):
    for name, one in catalog.with_parents(catalog.runs("gip_table6", smoke)).items():
        finish(elsewhere, name, 1.0, 2, one.hash, "diverged")
    assert plan.report("gip_table6", smoke, 1).endswith("nothing is left to train")


def test_places_that_do_not_exist_are_told(elsewhere):
    user = config.user({"folders": {"mine": "/nowhere"}, "runs": ["okd/mine/sagan/okd/seed0"]})
    told = "the folder of images that `folders` names for mine does not exist: correct `folders`"
    assert told in plan.report("runs", user, 1, ["folders={mine: /nowhere}", "runs=[okd/mine/sagan/okd/seed0]"])
    assert told in status.report(user, everything=False).splitlines()
    user = config.user({"scale": "reduced", "mirror": "/nowhere"})
    assert "the mirror that `mirror` names does not exist" in status.report(user, everything=False)


def test_half_a_file_is_passed_over(elsewhere, smoke):
    finish(elsewhere, "gip/cifar10/resnet18/gip/seed1", 30.0, 3)
    path = elsewhere / "results/smoke/runs/gip/cifar10/resnet18/gip/seed1/provenance.json"
    path.write_text(path.read_text()[:40])
    assert paces.measured(smoke) == {}


@pytest.mark.parametrize("content", ['{"status": ', "[]", "{}"])
def test_a_damaged_run_is_to_be_trained_again(elsewhere, smoke, content):
    runs = catalog.with_parents(catalog.runs("gip_table6", smoke))
    for name, one in runs.items():
        finish(elsewhere, name, 1.0, 2, one.hash, "diverged")
    name = next(name for name, one in runs.items() if not one.parents)
    path = elsewhere / "results/smoke/runs" / name / "result.json"
    path.write_text(content)
    (path.parent / "provenance.json").write_text(content)
    (line,) = [line for line in plan.report("gip_table6", smoke, 1).splitlines() if line.split()[0] == name]
    assert line.split()[1] == "damaged" and f"{name}/result.json" in line
    assert line.endswith(f"delete it, then: advkd train {name}")


def test_every_target_of_the_workflow_can_be_planned(smoke):
    for target in ("all", "main", "table1", "tables", "figures", "pretrain", "runs", "gip_variants", "aikd_figure6"):
        assert set(catalog.wanted(target, smoke)) <= set(catalog.all_runs(smoke))
    with pytest.raises(UserError, match="'gip_table9' is not a target; did you mean gip_table7 "):
        catalog.wanted("gip_table9", smoke)
    with pytest.raises(UserError, match="'xyz' is not a target; there are "):
        catalog.wanted("xyz", smoke)


def test_what_learns_from_an_unfinished_run_is_to_be_trained_too(elsewhere, smoke):
    for name, one in catalog.with_parents(catalog.runs("gip_table3", smoke)).items():
        finish(elsewhere, name, 1.0, 2, "of other settings" if "wrn28_10/baseline" in name else one.hash, "diverged")
    text = plan.report("gip_table3", smoke, 1)
    assert "gip/cifar10/wrn28_10/baseline/seed0" in text and "gip/cifar10/resnet18/gip+teacher=wrn28_10/seed0" in text
    assert "gip/cifar10/acgan/acgan/seed0" in text, "snakemake starts it too, since its store has to be prepared"
