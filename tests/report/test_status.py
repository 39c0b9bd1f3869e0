"""`advkd status`: what exists, and that a damaged run only changes its own lines."""

import json

import pytest
from report_runs import leave

from advkd.report import status
from advkd.runs.lookup import code_today, folder_of, state_of
from advkd.settings import catalog, config

STUDENT, OTHER = "gip/cifar10/resnet18/gip", "gip/cifar10/resnet18/kd"
GAN = "okd/codebrim/sagan/okd/seed0"
EVALUATE = "delete it, and the next snakemake evaluates the run again"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 2})


def test_what_is_finished_is_counted(user):
    for seed in range(2):
        leave(f"{STUDENT}/seed{seed}", user)
    text = status.report(user, everything=False)
    cells = catalog.cells("gip_table1")
    done = sum(cell.run == STUDENT for cell in cells)
    assert f"gip_table1{len(cells):>10}{done:>6}  not built" in text and "2 done (counts; code changed since)" in text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("result.json", '{"status": ', "cannot be read"),
        ("result.json", "[]", "cannot be read"),
        ("provenance.json", None, "is missing"),
        ("provenance.json", "{}", "'code'"),
        ("predictions.npz", None, "is missing"),
    ],
)
def test_a_damaged_run_is_one_line_and_the_rest_is_counted(user, name, content, words):
    for seed in range(2):
        leave(f"{STUDENT}/seed{seed}", user)
        leave(f"{OTHER}/seed{seed}", user)
    one = config.resolve(f"{OTHER}/seed0", user)
    path = folder_of(one).path / name
    path.unlink() if content is None else path.write_text(content)
    text = status.report(user, everything=False)
    (line,) = [line for line in text.splitlines() if str(path) in line]
    assert line.startswith(f"  {one.run}  damaged: {path}") and words in line
    what = "it" if name == "result.json" else "result.json beside it"
    assert line.endswith(f"delete {what}, then: advkd train {one.run}")
    assert "1 damaged" in next(line for line in text.splitlines() if line.startswith("gip_table1 "))
    assert f"  {STUDENT}/seed0  done" in text


def test_what_only_the_numbers_tell_is_a_line_too(user):
    one = leave(f"{STUDENT}/seed0", user)
    predictions = folder_of(one).path / "predictions.npz"
    predictions.write_bytes(b"other")
    lines = [line for line in status.report(user, everything=False).splitlines() if str(predictions) in line]
    assert lines and all("is not what the run wrote" in line for line in lines)


@pytest.mark.parametrize("content", ["{}", "[]", '{"values": ', '{"values": {}, "evaluated": {}}'])
def test_a_gan_with_damaged_metrics_is_to_be_evaluated_again(user, content):
    one = config.resolve(GAN, user)
    folder = folder_of(one).path
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"config_hash": one.hash, "status": "done", "sha256": {}}))
    (folder / "provenance.json").write_text(json.dumps({"code": code_today(one), "data": {}, "result": {}}))
    assert str(state_of(one)) == "trained, not evaluated: snakemake evaluates it once something needs its metrics"
    (folder / "metrics.json").write_text(content)
    said = str(state_of(one))
    assert said.startswith(f"damaged: {folder / 'metrics.json'} ") and said.endswith(EVALUATE)
    table = next(line for line in status.report(user, everything=False).splitlines() if line.startswith("okd_table1 "))
    assert "damaged" in table
