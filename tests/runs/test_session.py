import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from tiny_runs import document, make_store

from advkd.errors import UserError
from advkd.files import read_json, write_json
from advkd.methods.okd import GanEnsemble
from advkd.runs import checkpoint, code, session
from advkd.runs.train import train as train_run
from checkouts import ROOT, environment

SAGAN, ACGAN = "okd/codebrim/sagan/okd/seed0", "okd/codebrim/acgan/okd/seed0"  # an ACGAN's steps take a quarter
FILES = ["model.safetensors", "samples.npz", "history.csv", "result.json"]


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("data"))


def train(doc, folder, data_root, seconds=1000.0):
    status = train_run(doc, folder, data_root, "cpu", seconds)
    return status, {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def after_step(monkeypatch, number, action):
    """Do `action` when the ensemble has made `number` steps in this process."""
    original, made = GanEnsemble.step, []

    def step(self, *args):
        terms = original(self, *args)
        made.append(1)
        return action(terms) or terms if len(made) == number else terms

    monkeypatch.setattr(GanEnsemble, "step", step)


@pytest.mark.parametrize("name", [SAGAN, ACGAN])
@pytest.mark.parametrize("stop_at", [1, 5])
def test_a_stopped_run_continues_to_the_same_bits(name, stop_at, tmp_path, data_root, monkeypatch):
    doc = document(name, early_iteration=3)
    status, undisturbed = train(doc, tmp_path / "a", data_root)
    assert status == 0 and len(undisturbed) == len(FILES)
    with monkeypatch.context() as patch:
        after_step(patch, stop_at, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        status, left = train(doc, tmp_path / "b", data_root)
    assert status == 143 and "result.json" not in left
    torch.manual_seed(12345)
    status, resumed = train(doc, tmp_path / "b", data_root)
    assert status == 0 and resumed == undisturbed
    attempts = read_json(tmp_path / "b/provenance.json")["attempts"]
    assert [attempt["from_step"] for attempt in attempts] == [0, stop_at]
    log = (tmp_path / "b/log.txt").read_text()
    assert f"stopped on request at step {stop_at}" in log and "done after" in log
    left_over = {path.name for path in (tmp_path / "b").iterdir()}
    assert left_over == {*FILES, "config.yaml", "provenance.json", "log.txt", ".lock"}


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 143)])
def test_a_signal_leaves_a_checkpoint_of_the_step(number, expected, tmp_path, data_root, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    after_step(monkeypatch, 2, lambda _: os.kill(os.getpid(), number))
    status, _ = train(document(ACGAN), tmp_path / "run", data_root)
    assert status == expected and signal.getsignal(signal.SIGINT) is before
    state = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    assert state["step"] == 2


def test_a_second_ctrl_c_ends_at_once(tmp_path, data_root, monkeypatch):
    def twice(_):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    after_step(monkeypatch, 2, twice)
    with pytest.raises(KeyboardInterrupt):
        train(document(ACGAN), tmp_path / "run", data_root)


def test_a_run_that_was_finished_before_is_not_said_to_be_another_s(tmp_path, data_root):
    for _ in range(2):
        assert train(document(ACGAN), tmp_path / "run", data_root)[0] == 0
    log = (tmp_path / "run/log.txt").read_text()
    assert "finished before, and nothing of it changed" in log and "another process" not in log


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(("name", "changes"), [("early", {"early_iteration": 3}), ("curve3", {})])
def test_damaged_samples_of_the_way_are_told_with_what_to_delete(name, changes, tmp_path, data_root, monkeypatch):
    doc = document(SAGAN, **changes)
    with monkeypatch.context() as patch:
        after_step(patch, 5, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        assert train(doc, tmp_path / "a", data_root)[0] == 143
    path = tmp_path / f"a/scratch/{name}.npz"
    content = path.read_bytes()
    remedy = re.escape(f"delete the run's folder {tmp_path}/a, then: advkd train")
    told = rf"{name}\.npz (cannot be read \(.*\)|is no npz file|is missing): {remedy}"
    middle, encrypted = len(content) // 2, content.rindex(b"PK\1\2") + 8  # a pixel; a flag in the directory
    for damaged in (content[:-30], b"", flipped(content, middle), flipped(content, encrypted)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=told):
            train(doc, tmp_path / "a", data_root)
    path.unlink()
    with pytest.raises(UserError, match=told):
        train(doc, tmp_path / "a", data_root)


def test_a_fault_while_finishing_loses_nothing(tmp_path, data_root, monkeypatch):
    doc = document(ACGAN)
    _, undisturbed = train(doc, tmp_path / "a", data_root)
    with monkeypatch.context() as patch:
        patch.setattr(session.Session, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(doc, tmp_path / "b", data_root)
    _, finished = train(doc, tmp_path / "b", data_root)
    assert finished == undisturbed


def test_divergence_is_a_result_with_its_step(tmp_path, data_root, monkeypatch):
    after_step(monkeypatch, 4, lambda terms: {**terms, "L_G2": torch.tensor(float("nan"))})
    status, files = train(document(ACGAN), tmp_path, data_root, seconds=0)
    assert status == 0 and "model.safetensors" not in files
    result = read_json(tmp_path / "result.json")
    assert (result["status"], result["step"], result["terms"]["L_G2"]) == ("diverged", 4, "nan")
    kept = torch.load(tmp_path / result["checkpoint"], weights_only=True)
    assert kept["step"] == 3, "the last checkpoint is from before"


def test_non_finite_weights_are_divergence_too(tmp_path, data_root, monkeypatch):
    original = GanEnsemble.step

    def step(self, *args):
        terms = original(self, *args)
        with torch.no_grad():
            next(self.networks["G1"].parameters()).fill_(float("inf"))
        return {"L_D1": terms["L_D1"].nan_to_num(0)}

    monkeypatch.setattr(GanEnsemble, "step", step)
    train(document(ACGAN, iterations=1, curve_points=0), tmp_path, data_root)
    assert read_json(tmp_path / "result.json")["status"] == "diverged"


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path, data_root, monkeypatch):
    with monkeypatch.context() as patch:
        after_step(patch, 4, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        train(document(ACGAN), tmp_path / "a", data_root)
    other = document(ACGAN, rho=0.5)
    _, fresh = train(other, tmp_path / "b", data_root)
    _, after = train(other, tmp_path / "a", data_root)
    assert after == fresh
    assert "belongs to another configuration, data or code; starting anew" in (tmp_path / "a/log.txt").read_text()


def test_a_checkpoint_made_on_other_data_is_refused(tmp_path, data_root, monkeypatch):
    doc = document(ACGAN)
    with monkeypatch.context() as patch:
        after_step(patch, 5, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        train(doc, tmp_path / "a", data_root)
    other = make_store(tmp_path / "other data", seed=1)
    _, fresh = train(doc, tmp_path / "b", other)
    _, after = train(doc, tmp_path / "a", other)
    assert after == fresh and len(read_json(tmp_path / "a/provenance.json")["attempts"]) == 1


def test_code_that_changed_under_a_run_is_told_and_dropped_on_request(tmp_path, data_root, monkeypatch):
    for afresh, attempts in ((False, 2), (True, 1)):
        folder = tmp_path / str(afresh)
        with monkeypatch.context() as patch:
            after_step(patch, 4, lambda _: os.kill(os.getpid(), signal.SIGTERM))
            patch.setattr(code, "code_of", lambda settings, parents: "before")
            train_run(document(ACGAN), folder, data_root, "cpu", 1000, afresh)
        train_run(document(ACGAN), folder, data_root, "cpu", 1000, afresh)
        found = read_json(folder / "provenance.json")
        assert len(found["attempts"]) == attempts
        assert found["code"].startswith("before+") == (not afresh)


def test_nothing_of_an_earlier_training_passes_for_a_diverged_one(tmp_path, data_root, monkeypatch):
    train(document(ACGAN), tmp_path, data_root)
    write_json(tmp_path / "metrics.json", {})
    after_step(monkeypatch, 1, lambda terms: {**terms, "L_G1": torch.tensor(float("inf"))})
    _, files = train(document(ACGAN, rho=0.5), tmp_path, data_root)
    assert set(files) == {"result.json"}
    assert not (tmp_path / "metrics.json").exists(), "of the training before"
    assert read_json(tmp_path / "result.json")["sha256"] == {}


def test_no_checkpoint_holds_what_diverged(tmp_path, data_root, monkeypatch):
    monkeypatch.setattr("advkd.training.gan.LOGGED_STEPS", 1)  # losses are looked at once, at the end
    after_step(monkeypatch, 4, lambda terms: {**terms, "L_G2": torch.tensor(float("nan"))})
    train(document(ACGAN), tmp_path, data_root, seconds=0)
    result = read_json(tmp_path / "result.json")
    assert (result["step"], result["terms"]["L_G2"]) == (4, "nan")
    assert torch.load(tmp_path / result["checkpoint"], weights_only=True)["step"] == 3


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path):
    for step in (1, 2):
        checkpoint.save(tmp_path, {"identity": "x", "step": step})
    assert checkpoint.load(tmp_path, "x")["step"] == 2
    newest = tmp_path / checkpoint.CHECKPOINTS[0]
    content = newest.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        newest.write_bytes(content[:length])
        assert checkpoint.load(tmp_path, "x")["step"] == 1
    assert checkpoint.load(tmp_path, "other") is None
    assert not list(tmp_path.iterdir())


def test_a_finished_run_is_not_trained_again(tmp_path, data_root, monkeypatch):
    doc = document(ACGAN)
    _, first = train(doc, tmp_path, data_root)
    monkeypatch.setattr(GanEnsemble, "step", lambda *_: 1 / 0)
    assert train(doc, tmp_path, data_root) == (0, first)
    (tmp_path / "result.json").unlink()  # as Snakemake does when an input was made again
    assert train(doc, tmp_path, data_root) == (0, first)
    assert "finished before, and nothing of it changed" in (tmp_path / "log.txt").read_text()


@pytest.mark.parametrize("change", ["configuration", "data", "code", "file"])
def test_a_finished_run_that_changed_is_trained_again(change, tmp_path, data_root, monkeypatch):
    doc = document(ACGAN, iterations=1, curve_points=0)
    train(doc, tmp_path, data_root)
    (tmp_path / "result.json").unlink()
    if change == "configuration":
        doc = document(ACGAN, iterations=1, curve_points=0, rho=0.5)
    elif change == "data":
        found = read_json(tmp_path / "provenance.json")
        found["data"]["sha256"]["images.npy"] = "0" * 64
        write_json(tmp_path / "provenance.json", found)
    elif change == "code":
        monkeypatch.setattr(code, "code_of", lambda settings, parents: "other")
    else:
        (tmp_path / "samples.npz").write_bytes(b"")
    train_run(doc, tmp_path, data_root, "cpu", 1000, afresh=True)
    assert (tmp_path / "log.txt").read_text().count("done after") == 2


def test_seeds_give_different_weights_and_equal_seeds_equal_ones(tmp_path, data_root):
    _, first = train(document(ACGAN), tmp_path / "a", data_root)
    _, again = train(document(ACGAN), tmp_path / "b", data_root)
    _, other = train(document(ACGAN.replace("seed0", "seed1")), tmp_path / "c", data_root)
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]


def test_samples_hold_what_evaluation_reads(tmp_path, data_root):
    train(document(ACGAN, early_iteration=3), tmp_path, data_root)
    with np.load(tmp_path / "samples.npz") as samples:
        shapes = {name: (samples[name].shape, samples[name].dtype) for name in samples.files}
        assert samples["curve_steps"].tolist() == [3, 6]
        assert samples["labels"].tolist() == [0, 1, 2, 0, 1, 2], "classes in rotation"
        np.testing.assert_array_equal(samples["curve/G1"][-1], samples["G1"][:3])
        assert not np.array_equal(samples["early/G1"], samples["G1"])
    images = ((6, 64, 64, 3), np.uint8)
    for name in ("G1", "G2", "G3", "early/G1", "early/G2", "early/G3"):
        assert shapes[name] == images
    assert shapes["curve/G2"] == ((2, 3, 64, 64, 3), np.uint8)


def test_cuda_asked_for_and_absent(tmp_path, data_root):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match=r"device is cuda, but torch finds no CUDA device here: use --config device"):
        train_run(document(ACGAN), tmp_path, data_root, "cuda", 60)
    assert not (tmp_path / "config.yaml").exists()


def test_a_batch_larger_than_the_data_set(tmp_path, data_root):
    with pytest.raises(UserError, match=r"batch is 13, larger than the data set codebrim of 12 images"):
        train(document(ACGAN, batch=13), tmp_path, data_root)


def test_training_needs_neither_pydantic_nor_the_evaluation_s_packages(tmp_path, data_root):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document(ACGAN, iterations=1, curve_points=0)))
    absent = ["pydantic", "snakemake", "torchvision", "pandas", "sklearn"]
    hide = f"import sys; sys.modules.update(dict.fromkeys({absent}))"
    code = f"{hide}; from advkd.runs.__main__ import main; sys.exit(main())"
    words = [str(tmp_path / "config.yaml"), "--data-root", str(data_root), "--device", "cpu"]
    done = subprocess.run([sys.executable, "-c", code, *words], env=environment(ROOT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_json(tmp_path / "result.json")["status"] == "done"


def test_a_missing_store_is_one_line(tmp_path, data_root):
    with pytest.raises(UserError, match="no prepared data set"):
        train_run({**document(ACGAN), "store": "codebrim-00000000"}, tmp_path, data_root, "cpu", 60)
