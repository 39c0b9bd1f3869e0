from pathlib import Path

import pytest

from advkd.runs import counted, counting, estimates, work
from advkd.runs.estimates import Estimate, Estimator, cpu_seconds, gpu_seconds
from advkd.runs.kinds import Kind, Step
from advkd.runs.work import Work
from advkd.settings import config
from advkd.settings.names import Run
from checkouts import ROOT

ONE = "gip/cifar10/resnet18/baseline/seed0"
KIND = Kind({"real": Step(flops=1e9, started=1000, seconds=0.41, images=4)}, 0.25e9, 1, 1, 1)


@pytest.fixture
def user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # without results
    for name in ("config", "paper"):
        (tmp_path / name).symlink_to(ROOT / name)
    return config.user({"scale": "smoke", "device": "cpu"})


def test_on_a_cpu_a_part_of_a_step_does_not_grow_with_the_batch():
    """10 ms start 1000 operations; 100 ms are left for each image, so 0.1 ns for an operation."""
    assert cpu_seconds(KIND, Work({"real": (10, 128)}, 0)) == pytest.approx(10 * (0.01 + 128 * 0.1))
    assert cpu_seconds(KIND, Work({"real": (0, 128)}, 40)) == pytest.approx(40 * 0.25e9 * 0.1e-9)


def test_on_a_gpu_the_longer_time_counts():
    assert gpu_seconds(KIND, Work({"real": (10, 128)}, 0), 1e12, 10e-6) == pytest.approx(10 * 0.128)
    assert gpu_seconds(KIND, Work({"real": (10, 4)}, 0), 1e12, 10e-6) == pytest.approx(10 * 0.01)
    assert gpu_seconds(KIND, Work({"real": (0, 4)}, 8), 1e12, 10e-6) == pytest.approx(0.002)


def test_what_has_run_is_measured_and_the_rest_is_counted(user, monkeypatch):
    monkeypatch.setattr(counting, "count", lambda *arguments: KIND)
    estimator = Estimator(user)
    one = config.resolve(ONE, user)
    found = estimator.estimate(one)
    assert found.counted and str(found).endswith(" (counted)")
    assert found.seconds == pytest.approx(cpu_seconds(KIND, work.work_of(one, work.images_of(one, user))))
    estimator.pace[Run.parse("gip/cifar10/resnet18/baseline/seed3")] = 7.0
    assert estimator.estimate(one) == Estimate(14.0, "other seeds"), "two epochs"
    assert str(estimator.estimate(one)) == "14 s (measured on other seeds)"


def test_a_gpu_s_time_is_given_where_a_gpu_trains(user, monkeypatch):
    monkeypatch.setattr(counting, "count", lambda *arguments: KIND)
    there = user.model_copy(update={"device": "cuda"})
    found = Estimator(there).estimate(config.resolve(ONE, there))
    assert found.seconds == found.gpu and found.counted


def test_counting_is_done_once_and_again_where_its_file_is_damaged(user, monkeypatch):
    calls = []
    monkeypatch.setattr(counting, "count", lambda *arguments: calls.append(arguments) or KIND)
    one = config.resolve(ONE, user)
    for _ in range(2):
        assert counted.kind_of(one, 8, user) == KIND
    assert len(calls) == 1
    (file,) = Path(user.data_root, "counted").iterdir()
    for content in ("{", "{}", "[1]", '{"steps": {"real": {}}}'):
        file.write_text(content)
        assert counted.kind_of(one, 8, user) == KIND
    assert len(calls) == 5
    monkeypatch.setattr(counted, "code_today", lambda resolved: "other code")
    assert counted.kind_of(one, 8, user) == KIND and len(calls) == 6


def test_a_method_that_cannot_be_counted_stops_no_plan(user, monkeypatch):
    def refuse(*arguments):
        raise ValueError("it wants more")

    monkeypatch.setattr(counting, "count", refuse)
    assert str(Estimator(user).estimate(config.resolve(ONE, user))) == "its steps cannot be counted (it wants more)"


def test_where_only_the_preparation_tells_the_time_is_unknown(user, monkeypatch):
    monkeypatch.setattr(estimates, "images_of", lambda *arguments: None)
    assert str(Estimator(user).estimate(config.resolve(ONE, user))) == "unknown before its data are prepared"
