import json

import pytest

from advkd import config
from advkd.reporting import needs, plan
from advkd.run import Run

RUN = "gip/cifar10/resnet18/gip/seed0"


@pytest.fixture
def one():
    return config.resolve(RUN, config.user({"scale": "paper"}))  # 200 epochs


def test_a_run_without_a_like_one_asks_for_a_day(one):
    other = Run.parse("aikd/cifar100/preact_resnet18/aikd/seed0")
    assert needs.of(one, {other: 1.0}, {other: 100}) == needs.Needs(1440, 8000)


def test_the_slowest_and_the_largest_like_run_decide(one):
    seeds = [Run.parse(RUN.replace("seed0", f"seed{seed}")) for seed in (1, 2)]
    variant = Run.parse(RUN.replace("gip/seed0", "gip+delta=1/seed0"))
    found = needs.of(one, {seeds[0]: 20.0, seeds[1]: 30.0, variant: 99.0}, {seeds[0]: 2000, variant: 3000})
    assert found.minutes == 2 * 200 * 30 // 60 + 15, "twice the slowest seed's"
    assert found.mib == 1.5 * 2000 + 1000


def test_retries_ask_for_more_but_never_for_more_than_a_day():
    tries = [needs.Needs(500, 4001).on(attempt) for attempt in (1, 2, 3)]
    assert tries == [needs.Needs(500, 4001), needs.Needs(1000, 6001), needs.Needs(1440, 8002)]
    assert needs.Needs(4000, 1).on(1).minutes == 1440, "it continues in the next try"


def test_what_finished_runs_recorded(one, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, status in ((0, "done"), (1, "diverged")):
        folder = tmp_path / f"results/smoke/runs/{RUN[:-1]}{seed}"
        folder.mkdir(parents=True)
        result = {"run": f"{RUN[:-1]}{seed}", "status": status, "epochs": 4, "steps": 36}
        content = {"result": result, "wall_seconds": 10.0, "peak_memory_mib": {"resident": 800}}
        (folder / "provenance.json").write_text(json.dumps(content))
    user = config.User(scale="smoke")
    assert plan.measured(user) == {Run.parse(RUN): 2.5} and plan.peaks(user) == {Run.parse(RUN): 800}
    assert needs.asked(one, user, 1) == needs.Needs(2 * 200 * 2.5 // 60 + 1 + 15, 1.5 * 800 + 1000)
