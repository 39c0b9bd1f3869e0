"""The classifiers' loop: resume to the bit, superiors, schedules, what ends a run."""

import csv
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from bound_runs import rebind
from safetensors.torch import load_file, save_file
from tiny_classifiers import CLASSES, FILES, document, make_store, train, write_config

from advkd.errors import UserError
from advkd.files import read_json
from advkd.methods.aikd import AiKd
from advkd.methods.baseline import Baseline
from advkd.methods.settings.base import registered
from advkd.models import classifiers
from advkd.runs.session import Session
from advkd.settings.papers import run_settings
from advkd.training import classifier, evaluation
from checkouts import ROOT, environment

METHODS = ["baseline", "cskd", "tfkd", "pskd", "aikd", "aikd+previous_source=table", "aikd+augment=cutmix",
           "aikd+augment=randaugment"]  # fmt: skip
STEPS = 4  # of an epoch: 30 images in batches of 8


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    """A tree of runs in which every method was trained without a disturbance."""
    runs = tmp_path_factory.mktemp("runs")
    for method in METHODS:
        assert train(document(method), runs, data_root)[0] == 0
    return runs


@pytest.fixture
def runs(tmp_path, trained):
    """A tree of runs with a trained Baseline, the superior."""
    name = document("baseline")["run"]
    shutil.copytree(trained / name, tmp_path / name)
    return tmp_path


def after_step(monkeypatch, number, action):
    """When `number` steps' losses were computed in this process, replace the last by `action(loss)`, if not None."""
    made = []
    for kind in {classifier.method_class(settings) for settings in registered("aikd").values()}:

        def loss(self, batch, original=kind.loss):
            loss, terms = original(self, batch)
            made.append(1)
            if len(made) != number:
                return loss, terms
            replaced = action(loss)
            return loss if replaced is None else replaced, terms

        monkeypatch.setattr(kind, "loss", loss)


def files_of(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("stop_at", [1, STEPS, 2 * STEPS + 1])
@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_run_continues_to_the_same_bits(method, stop_at, runs, trained, data_root, monkeypatch):
    doc = document(method)
    if method == "baseline":
        shutil.rmtree(runs / doc["run"])
    with monkeypatch.context() as patch:
        after_step(patch, stop_at, lambda _: os.kill(os.getpid(), signal.SIGTERM))
        status, folder, left = train(doc, runs, data_root)
    assert status == 143 and "result.json" not in left
    torch.manual_seed(12345)
    status, folder, resumed = train(doc, runs, data_root)
    assert status == 0 and resumed == files_of(trained / doc["run"])
    attempts = read_json(folder / "provenance.json")["attempts"]
    assert [attempt["from_step"] for attempt in attempts] == [0, stop_at]
    assert {path.name for path in folder.iterdir()} == {*FILES, "config.yaml", "provenance.json", "log.txt", ".lock"}


def test_a_fault_while_finishing_loses_nothing(runs, trained, data_root, monkeypatch):
    doc = document("aikd")
    with monkeypatch.context() as patch:
        patch.setattr(Session, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(doc, runs, data_root)
    assert train(doc, runs, data_root)[2] == files_of(trained / doc["run"])


def test_predictions_are_those_of_the_stored_weights(trained, data_root):
    doc = document("aikd")
    folder = trained / doc["run"]
    with np.load(folder / "predictions.npz") as found:
        arrays = dict(found)
    assert arrays["logits"].shape == arrays["best_logits"].shape == (12, CLASSES)
    assert arrays["features"].dtype == np.float16
    with (folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    errors = [float(row["valid_error"]) for row in history]
    result = read_json(folder / "result.json")
    assert result["best_epoch"] == errors.index(min(errors)) + 1 and result["steps"] == 3 * STEPS
    for kind, epoch in (("logits", -1), ("best_logits", result["best_epoch"] - 1)):
        wrong = (arrays[kind].argmax(1) != arrays["labels"]).mean()
        assert 100 * wrong == pytest.approx(errors[epoch], abs=1e-4)
    student = classifiers.build(run_settings(doc["run"], doc["settings"]).network, CLASSES)
    student.load_state_dict(load_file(folder / "model.safetensors"))
    store = np.load(data_root / "stores" / doc["store"] / "held_out.npy")
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
    images = ((torch.tensor(store).float() / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        np.testing.assert_allclose(student.eval()(images).numpy(), arrays["logits"], atol=1e-4)


@pytest.mark.parametrize("method", ["aikd", "aikd+previous_source=table"])
def test_the_history_has_no_progressive_term_in_the_first_epoch(method, trained):
    with (trained / document(method)["run"] / "history.csv").open() as file:
        first, *later = csv.DictReader(file)
    assert first["L_P"] == "" and len(later) == 2
    assert all(float(row["L_P"]) > 0 for row in later)
    assert all(value for name, value in first.items() if name != "L_P")


def test_every_image_is_seen_once_an_epoch(runs, data_root, monkeypatch):
    seen = []
    original = Baseline.loss
    monkeypatch.setattr(Baseline, "loss", lambda self, batch: seen.append(batch.index) or original(self, batch))
    train(document("baseline", lr=0.04), runs, data_root)
    for epoch in range(3):
        part = torch.cat(seen[epoch * STEPS : (epoch + 1) * STEPS])
        assert sorted(part.tolist()) == list(range(30))
    assert not torch.equal(seen[0], seen[STEPS]), "every epoch in an order of its own"


def test_few_images_are_seen_as_often_as_the_settings_say(tmp_path, data_root, monkeypatch):
    seen = []
    original = Baseline.loss
    monkeypatch.setattr(Baseline, "loss", lambda self, batch: seen.append(batch.index) or original(self, batch))
    status, _, _ = train(document("baseline", passes=3, epochs=2), tmp_path, data_root)
    assert status == 0 and len(seen) == 2 * 12  # 90 images in batches of 8
    for epoch in range(2):
        order = torch.cat(seen[epoch * 12 : (epoch + 1) * 12]).tolist()
        for turn in range(3):
            assert sorted(order[turn * 30 : (turn + 1) * 30]) == list(range(30))
        assert order[:30] != order[30:60]


def test_aikd_without_its_terms_is_baseline_to_the_bit(tmp_path, trained, data_root):
    """In the superior's generation, since a student otherwise shares no random number with its superior."""
    shutil.copytree(trained / document("baseline")["run"], tmp_path / document("baseline")["run"])
    doc = document("aikd", alpha_g=0.0, alpha_p=0.0, omega=0.0) | {"generation": 0}
    _, _, files = train(doc, tmp_path, data_root)
    expected = trained / document("baseline")["run"]
    for name in ("model.safetensors", "predictions.npz", "best.safetensors"):
        assert files[name] == (expected / name).read_bytes()


def test_the_superior_of_a_mixed_student_is_the_plain_baseline():
    plain = {"run": document("baseline")["run"], "config_hash": document("baseline")["config_hash"]}
    for student in ("aikd", "tfkd", "aikd+augment=cutmix", "aikd+augment=cutmix+cutmix_probability=1",
                    "tfkd+augment=mixup+mixup_alpha=0.2", "aikd+augment=cutout+cutout_size=8"):  # fmt: skip
        assert document(student)["parents"] == {"superior": plain}
    longer = document("aikd+fc1=16+weight_decay=0.001")["parents"]["superior"]["run"]
    assert longer == "aikd/cifar100/preact_resnet18/baseline+weight_decay=0.001/seed0"
    assert document("pskd")["parents"] == document("cskd")["parents"] == {}


def test_a_missing_superior_is_one_line_that_says_what_to_do(tmp_path, data_root):
    with pytest.raises(UserError, match=r"its superior is not trained yet: advkd train aikd/.*/baseline/seed0"):
        train(document("aikd"), tmp_path, data_root)
    assert not list(tmp_path.rglob("checkpoint*"))


def test_a_superior_of_other_data_is_refused(runs, tmp_path_factory):
    other = make_store(tmp_path_factory.mktemp("other"), classes=3)
    with pytest.raises(UserError, match=r"trained on other data \(4 classes of cifar100-.*, here 3 of cifar100"):
        train(document("aikd"), runs, other)


def test_a_superior_of_other_settings_is_refused(runs, data_root):
    with pytest.raises(UserError, match="its superior was trained with other settings: advkd train aikd/"):
        train(document("aikd", weight_decay=0.001), runs, data_root)


def test_the_best_epoch_is_kept_with_the_checkpoint(runs, trained, data_root, monkeypatch):
    """An attempt that was killed after a better epoch, of which no checkpoint knows, leaves nothing of it behind."""
    doc = document("pskd")
    original = evaluation.end_epoch

    def killed(student, views, epoch, *rest):
        row, logits = original(student, views, epoch, *rest)
        if epoch == 1:
            raise KeyboardInterrupt
        return row, logits

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "end_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            train(doc, runs, data_root, seconds=0)
    assert train(doc, runs, data_root)[2] == files_of(trained / doc["run"])


def test_a_diverged_superior_blocks_its_students_until_it_is_trained(tmp_path, data_root, monkeypatch):
    with monkeypatch.context() as patch:
        after_step(patch, 6, lambda loss: loss * float("nan"))
        train(document("baseline"), tmp_path, data_root, seconds=0)
    result = read_json(tmp_path / document("baseline")["run"] / "result.json")
    assert (result["status"], result["step"], result["terms"]["L"]) == ("diverged", 6, "nan")
    status, folder, files = train(document("tfkd"), tmp_path, data_root)
    result = read_json(folder / "result.json")
    assert status == 0 and set(files) == {"result.json"}
    assert result["status"] == "blocked" and result["reason"] == "diverged at epoch 2"
    assert result["parent"] == document("baseline")["run"]
    train(document("baseline"), tmp_path, data_root)  # kept as it is: the same configuration diverges again
    shutil.rmtree(tmp_path / document("baseline")["run"])
    train(document("baseline"), tmp_path, data_root)
    train(document("tfkd"), tmp_path, data_root)
    assert read_json(folder / "result.json")["status"] == "done"


def test_a_student_is_trained_again_when_its_superior_was(runs, trained, data_root):
    doc = document("tfkd")
    folder = runs / doc["run"]
    shutil.copytree(trained / doc["run"], folder)
    train(doc, runs, data_root)
    assert "nothing of it changed" in (folder / "log.txt").read_text() or "finished" in (folder / "log.txt").read_text()
    superior = runs / document("baseline")["run"]
    weights = load_file(superior / "model.safetensors")
    save_file(weights | {"head.bias": weights["head.bias"] + 1}, superior / "model.safetensors")
    with pytest.raises(
        UserError, match=r"its superior: .* is not what the run wrote .*: delete result\.json beside it"
    ):
        train(doc, runs, data_root)
    rebind(superior)
    train(doc, runs, data_root)
    assert (folder / "log.txt").read_text().count("done after") == 2


def test_one_image_left_over_is_refused_before_training(tmp_path):
    other = make_store(tmp_path / "data", train=33)
    with pytest.raises(UserError, match=r"33 training images of cifar100 in batches of 8 leave one over"):
        train(document("baseline"), tmp_path / "runs", other)


def test_weights_of_the_best_epoch_can_teach(runs, data_root, monkeypatch):
    seen = []
    original = AiKd.__init__

    def init(self, settings, student, *, superior, **task):
        seen.append(superior.state_dict()["head.weight"].clone())
        original(self, settings, student, superior=superior, **task)

    monkeypatch.setattr(AiKd, "__init__", init)
    train(document("baseline", epochs=1), runs, data_root)
    train(document("aikd", superior_weights="best", epochs=1), runs, data_root)
    best = load_file(runs / document("baseline")["run"] / "best.safetensors")
    assert torch.equal(seen[0], best["head.weight"])


def test_training_needs_neither_pydantic_nor_the_evaluation_s_packages(runs, data_root):
    doc = document("aikd", epochs=1)
    train(document("baseline", epochs=1), runs, data_root)
    write_config(doc, runs / doc["run"])
    absent = ["pydantic", "snakemake", "torchvision", "pandas", "sklearn", "scipy"]
    hide = f"import sys; sys.modules.update(dict.fromkeys({absent}))"
    code = f"{hide}; from advkd.runs.__main__ import main; sys.exit(main())"
    words = [str(runs / doc["run"] / "config.yaml"), "--data-root", str(data_root), "--device", "cpu"]
    done = subprocess.run([sys.executable, "-c", code, *words], env=environment(ROOT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_json(runs / doc["run"] / "result.json")["status"] == "done"


def test_colours_are_learnt(tmp_path, data_root):
    """Four classes that differ by colour: chance is 75 % error."""
    _, folder, _ = train(document("baseline", epochs=30), tmp_path, data_root)
    with (folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert float(history[-1]["valid_error"]) < 30 and float(history[-1]["L"]) < float(history[0]["L"]) / 2
