import json
from pathlib import Path

import pytest

from advkd.runs import needs, paces
from advkd.settings import config
from advkd.settings.names import Run
from advkd.settings.user import User

RUN = "gip/cifar10/resnet18/gip/seed0"


@pytest.fixture
def one():
    return config.resolve(RUN, config.user({"scale": "paper"}))  # 200 epochs


def test_a_run_without_a_like_one_asks_for_a_day(one):
    other = Run.parse("aikd/cifar100/preact_resnet18/aikd/seed0")
    assert needs.estimate_needs(one, {other: 1.0}, {other: 100}) == needs.Needs(1440, 8000)


def test_the_slowest_and_the_largest_like_run_decide(one):
    seeds = [Run.parse(RUN.replace("seed0", f"seed{seed}")) for seed in (1, 2)]
    variant = Run.parse(RUN.replace("gip/seed0", "gip+delta=1/seed0"))
    found = needs.estimate_needs(one, {seeds[0]: 20.0, seeds[1]: 30.0, variant: 99.0}, {seeds[0]: 2000, variant: 3000})
    assert found.minutes == 2 * 200 * 30 // 60 + 15, "twice the slowest seed's"
    assert found.mib == 1.5 * 2000 + 1000


def test_retries_ask_for_more_but_never_for_more_than_a_day():
    tries = [needs.Needs(500, 4001).on(attempt) for attempt in (1, 2, 3, 6)]
    assert tries == [needs.Needs(500, 4001), needs.Needs(1000, 6001), *[needs.Needs(1440, 8002)] * 2]
    assert needs.Needs(4000, 1).on(1).minutes == 1440, "it continues in the next try"


def record(root: Path, run: str, status: str = "done", seconds: object = 10.0, resident: object = 800) -> None:
    folder = root / "results/smoke/runs" / run
    folder.mkdir(parents=True)
    result = {"run": run, "status": status, "epochs": 4, "steps": 36}
    measured = {"wall_seconds": seconds, "peak_memory_mib": {"resident": resident}}
    content = {"result": result, "code": "0" * 12, "data": {}, **measured}
    (folder / "provenance.json").write_text(json.dumps(content))


def test_what_finished_runs_recorded(one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(tmp_path, RUN)
    record(tmp_path, RUN.replace("seed0", "seed1"), "diverged")
    user = User(scale="smoke")
    assert paces.measured(user) == {Run.parse(RUN): 2.5} and paces.peaks(user) == {Run.parse(RUN): 800}
    assert needs.requested(one, user, 1) == needs.Needs(2 * 200 * 2.5 // 60 + 1 + 15, 1.5 * 800 + 1000)


@pytest.mark.parametrize("damaged", [None, "much", float("nan"), float("inf"), -5, 0, [1]])
def test_damaged_records_say_nothing(damaged, one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(tmp_path, RUN, seconds=damaged, resident=damaged)
    user = User(scale="smoke")
    assert paces.measured(user) == {} == paces.peaks(user)
    assert needs.requested(one, user, 1) == needs.Needs(1440, 8000)


def test_what_ends_meanwhile_is_looked_at_again(one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    now = 0.0
    monkeypatch.setattr(needs.time, "monotonic", lambda: now)
    user = User(scale="smoke")
    assert needs.requested(one, user, 1).minutes == 1440
    record(tmp_path, RUN)
    assert needs.requested(one, user, 1).minutes == 1440, "not at every job"
    now += needs.LOOK
    assert needs.requested(one, user, 1).minutes == 32
