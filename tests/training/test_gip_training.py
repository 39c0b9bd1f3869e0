"""The runs of the GIP paper in the classifiers' loop: two kinds of steps, teachers, two-step ReActNet, a GAN."""

import os
import shutil
import signal

import numpy as np
import pytest
import torch
from bound_runs import rebind
from safetensors.torch import load_file, save_file
from tiny_gip import (
    CLASSES,
    EPOCHS,
    FULL,
    HELD_OUT,
    REAL,
    SIZE,
    SYNTHETIC,
    TINY,
    after_step,
    document,
    files_of,
    folder_of,
    history_of,
    make_store,
    train,
    tree_for,
)

from advkd.errors import UserError
from advkd.files import read_json
from advkd.methods.baseline import Baseline
from advkd.methods.gantsc import GanTsc
from advkd.methods.gip import Gip
from advkd.methods.kd import Kd
from advkd.training.guard import Guard

TEACHER = "resnet34/baseline"
SMALL = [TEACHER, "resnet18/baseline", "resnet18/kd", "resnet18/gip", "resnet18/dafl",
         "reactnet18/gip+binary=activations", "reactnet18/gip"]  # fmt: skip
LARGE = [TEACHER, "acgan/acgan", "resnet18/gantsc"]
LOSSES = ["L_OH", "L_IE", "L_ACT", "L_BNS"]
STEPS = SYNTHETIC + REAL
HISTORY = {
    "resnet18/gip": ["epoch", "lr", "L", "L_KD", "L_G", *LOSSES, "bns", "train_error", "valid_error", "valid_loss"],
    "resnet18/dafl": ["epoch", "lr", "L", "L_KD", "L_G", *LOSSES[:3], "bns", "valid_error", "valid_loss"],
}


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    root = make_store(tmp_path_factory.mktemp("data"))
    return make_store(root, **FULL)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    """A tree of runs in which every method was trained without a disturbance."""
    runs = tmp_path_factory.mktemp("runs")
    for name in SMALL:
        assert train(document(name), runs, data_root)[0] == 0
    return runs


@pytest.fixture(scope="module")
def trained_large(tmp_path_factory, data_root):
    """The same of the runs whose images have 32 pixels."""
    runs = tmp_path_factory.mktemp("runs")
    for name in LARGE:
        assert train(document(name, **FULL), runs, data_root)[0] == 0
    return runs


def continues_to_the_same_bits(doc, stop_at, trained, data_root, tmp_path, monkeypatch):
    runs = tree_for(doc, trained, tmp_path)
    with monkeypatch.context() as patch:
        after_step(patch, stop_at, lambda: os.kill(os.getpid(), signal.SIGTERM))
        status, folder, left = train(doc, runs, data_root)
    assert status == 143 and "result.json" not in left
    torch.manual_seed(12345)
    status, folder, resumed = train(doc, runs, data_root)
    assert status == 0 and resumed == files_of(trained / doc["run"])
    attempts = read_json(folder / "provenance.json")["attempts"]
    assert [attempt["from_step"] for attempt in attempts] == [0, stop_at]


@pytest.mark.parametrize(("name", "stop_at"), [
    ("resnet18/gip", 1),  # in the synthetic part
    ("resnet18/gip", SYNTHETIC),  # before the first real step
    ("resnet18/gip", SYNTHETIC + 2),  # in the real part
    ("resnet18/gip", STEPS),  # between epochs
    ("resnet18/gip", STEPS + 1),
    ("resnet18/gip", EPOCHS * STEPS),  # before the files are written
    ("resnet18/dafl", 1),
    ("resnet18/dafl", SYNTHETIC + 1),
    ("resnet18/kd", REAL + 1),
    ("reactnet18/gip", STEPS + 1),
])  # fmt: skip
def test_a_stopped_run_continues_to_the_same_bits(name, stop_at, trained, data_root, tmp_path, monkeypatch):
    continues_to_the_same_bits(document(name), stop_at, trained, data_root, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["acgan/acgan", "resnet18/gantsc"])
@pytest.mark.parametrize("stop_at", [1, REAL + 2])
def test_a_stopped_run_with_a_gan_too(name, stop_at, trained_large, data_root, tmp_path, monkeypatch):
    continues_to_the_same_bits(document(name, **FULL), stop_at, trained_large, data_root, tmp_path, monkeypatch)


def test_what_each_run_leaves(trained, trained_large):
    plain = {"model.safetensors", "best.safetensors", "predictions.npz", "history.csv", "result.json"}
    beside = {"resnet18/gip": {"generator.safetensors", "samples.npz"}, "acgan/acgan": {"generator.safetensors"}}
    beside |= dict.fromkeys(("resnet18/dafl", "reactnet18/gip"), beside["resnet18/gip"])
    for runs, names in ((trained, SMALL[:5]), (trained, SMALL[6:]), (trained_large, LARGE)):
        for name in names:
            changes = FULL if runs == trained_large else {}
            assert files_of(folder_of(name, runs, **changes)).keys() == plain | beside.get(name, set()), name


def test_gip_without_synthetic_steps_is_baseline_to_the_bit(trained, data_root, tmp_path):
    doc = document("resnet18/gip+synthetic_steps=0")
    assert doc["parents"] == {} and "teacher" not in doc["settings"]
    status, folder, files = train(doc, tmp_path, data_root)
    expected = files_of(folder_of("resnet18/baseline", trained))
    assert status == 0 and files.keys() == expected.keys()
    for name in files.keys() - {"result.json"}:
        assert files[name] == expected[name], name
    ours, theirs = (read_json(path / "result.json") for path in (folder, folder_of("resnet18/baseline", trained)))
    for result in (ours, theirs):
        del result["run"], result["config_hash"], result["records"]["config.yaml"]
    assert ours == theirs


def test_every_method_of_a_generation_sees_the_same_views_in_one_order(trained, data_root, tmp_path, monkeypatch):
    seen = {}
    for name, kind in (("resnet18/baseline", Baseline), ("resnet18/gip", Gip), ("resnet18/kd", Kd)):
        doc, found = document(name) | {"generation": 1}, []

        def loss(self, batch, original=kind.loss, found=found):
            found.append(batch.images.clone())
            return original(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(kind, "loss", loss)
            train(doc, tree_for(doc, trained, tmp_path / name), data_root)
        seen[name] = torch.cat(found)
    assert len(seen["resnet18/baseline"]) == EPOCHS * 20
    assert all(torch.equal(images, seen["resnet18/baseline"]) for images in seen.values())


@pytest.mark.parametrize("name", HISTORY)
def test_the_history_has_a_column_for_every_term(name, trained):
    history = history_of(folder_of(name, trained))
    assert [list(row) for row in history] == [HISTORY[name]] * EPOCHS
    assert [row["epoch"] for row in history] == ["1", "2"]
    for row in history:
        assert all(np.isfinite(float(value)) for value in row.values())
        s = document(name)["settings"]
        weights = [s[key] for key in ("alpha", "beta", "gamma", "delta")]
        total = sum(weight * float(row[loss]) for weight, loss in zip(weights, LOSSES, strict=True) if weight)
        assert total == pytest.approx(float(row["L_G"]), rel=1e-3)


def test_means_are_over_each_kind_of_steps(trained, data_root, tmp_path, monkeypatch):
    """L over the real images of the epoch, L_KD and L_G over its synthetic ones; no step repeats another's noise."""
    found, seeds, original = [], [], Guard.watch

    def watch(self, step, terms):
        seeds.append(torch.initial_seed())
        found.append({name: term.item() for name, term in terms.items()})
        return original(self, step, terms)

    monkeypatch.setattr(Guard, "watch", watch)
    doc = document("resnet18/gip")
    _, folder, _ = train(doc, tree_for(doc, trained, tmp_path), data_root)
    assert len(set(seeds)) == EPOCHS * STEPS
    for epoch, row in enumerate(history_of(folder)):
        steps = found[epoch * STEPS : (epoch + 1) * STEPS]
        real = [terms["L"] for terms in steps[SYNTHETIC:]]
        assert float(row["L"]) == pytest.approx(np.average(real, weights=[8, 8, 4]), rel=1e-4)
        error = np.average([terms["error"] for terms in steps[SYNTHETIC:]], weights=[8, 8, 4])
        assert float(row["train_error"]) == pytest.approx(100 * error, rel=1e-4)
        for name in ("L_KD", "L_G", "L_BNS"):
            assert float(row[name]) == pytest.approx(np.mean([terms[name] for terms in steps[:SYNTHETIC]]), rel=1e-4)


@pytest.mark.parametrize("name", ["resnet18/gip", "resnet18/dafl", "reactnet18/gip"])
def test_samples(name, trained):
    with np.load(folder_of(name, trained) / "samples.npz") as found:
        arrays = dict(found)
    shown = TINY["synthetic_batch"]  # fewer than ten
    assert {key: (value.dtype.name, value.shape) for key, value in arrays.items()} == {
        "images": ("uint8", (EPOCHS, shown, SIZE, SIZE, 3)),
        "epochs": ("int64", (EPOCHS,)),
        "predicted": ("int64", (EPOCHS, shown)),
        "confidence": ("float32", (EPOCHS, shown)),
        "frequency": ("int64", (EPOCHS, CLASSES)),
    }
    assert arrays["epochs"].tolist() == [1, 2]
    assert arrays["frequency"].sum(1).tolist() == [SYNTHETIC * shown] * EPOCHS
    assert (arrays["confidence"] >= 1 / CLASSES).all() and (arrays["confidence"] <= 1).all()
    assert set(arrays["predicted"].flat) <= set(range(CLASSES))
    assert not np.array_equal(arrays["images"][0], arrays["images"][1]), "the same noise, another generator"
    assert arrays["images"].std() > 10


def test_the_second_step_starts_from_the_weights_of_the_first(trained, data_root, tmp_path, monkeypatch):
    """And goes another way from there than the first did: other views, other noise."""
    started, original = [], Gip.__init__

    def init(self, settings, student, **task):
        started.append({name: value.clone() for name, value in student.state_dict().items()})
        original(self, settings, student, **task)

    monkeypatch.setattr(Gip, "__init__", init)
    doc = document("reactnet18/gip")
    first = doc["parents"]["start"]["run"]
    assert first == "gip/cifar10/reactnet18/gip+binary=activations/seed0"
    train(doc, tree_for(doc, trained, tmp_path), data_root)
    expected = load_file(trained / first / "model.safetensors")
    (weights,) = started
    assert weights.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in weights.items())
    ended = load_file(trained / doc["run"] / "model.safetensors")
    assert not any(torch.equal(value, expected[name]) for name, value in ended.items() if name.endswith("conv.weight"))
    steps = [document(name)["generation"] for name in ("reactnet18/gip+binary=activations", "reactnet18/gip")]
    assert steps == [1, 2], "else the same views in the same order"


def test_the_second_step_without_the_first_is_one_line(trained, data_root, tmp_path):
    doc = document("reactnet18/baseline")
    with pytest.raises(UserError) as caught:
        train(doc, tmp_path, data_root)
    first = "gip/cifar10/reactnet18/baseline+binary=activations/seed0"
    assert str(caught.value) == f"{doc['run']}: its start is not trained yet: advkd train {first}"


@pytest.mark.parametrize("missing", ["teacher", "gan"])
def test_a_student_without_its_teacher_or_gan_is_one_line(missing, trained_large, data_root, tmp_path):
    doc = document("resnet18/gantsc", **FULL)
    runs = tree_for(doc, trained_large, tmp_path)
    shutil.rmtree(runs / doc["parents"][missing]["run"])
    with pytest.raises(UserError, match=f"its {missing} is not trained yet: advkd train gip/cifar10/") as caught:
        train(doc, runs, data_root)
    assert "\n" not in str(caught.value)


OTHER = {
    "classes": ({"classes": 3}, {}, r"on other data \(4 classes of cifar10-.*, here 3 of cifar10-.*\)"),
    "images": ({"seed": 1}, {}, r"on other data \(4 classes of cifar10-.*, here 4 of cifar10-.*\)"),
    "settings": ({}, {"weight_decay": 0.001}, "with other settings"),
}


@pytest.mark.parametrize("other", OTHER)
def test_a_teacher_of_other_data_or_settings_is_one_line(other, trained, tmp_path):
    data, changes, message = OTHER[other]
    doc = document("resnet18/gip", **changes)
    runs, data_root = tree_for(document("resnet18/gip"), trained, tmp_path), make_store(tmp_path / "data", **data)
    with pytest.raises(UserError, match=f"its teacher was trained {message}: advkd train gip/.*/seed0$") as caught:
        train(doc, runs, data_root)
    assert "\n" not in str(caught.value) and not list(runs.rglob("checkpoint*"))


@pytest.mark.parametrize(("error", "warned"), [("75", True), ("0", False)])
def test_a_teacher_at_chance_is_warned_of_in_the_log(error, warned, trained, data_root, tmp_path):
    doc = document("resnet18/kd")
    runs = tree_for(doc, trained, tmp_path)
    path = runs / doc["parents"]["teacher"]["run"] / "history.csv"
    *above, last = path.read_text().splitlines()
    cells = last.split(",")
    cells[above[0].split(",").index("valid_error")] = error
    path.write_text("\n".join([*above, ",".join(cells)]) + "\n")
    rebind(path.parent)
    _, folder, _ = train(doc, runs, data_root)
    log = (folder / "log.txt").read_text()
    line = f"warning: the teacher {doc['parents']['teacher']['run']} is right for {HELD_OUT // 4} of {HELD_OUT} images"
    assert (line in log) == warned and ("warning" in log) == warned


def broken_after(monkeypatch, number):
    """Spoil a weight of the generator when it has made `number` moves."""
    made, original = [], Gip.synthetic_loss

    def synthetic_loss(self):
        loss, terms = original(self)
        made.append(1)
        if len(made) == number:
            next(self.generator.parameters()).data.fill_(float("nan"))
        return loss, terms

    monkeypatch.setattr(Gip, "synthetic_loss", synthetic_loss)


@pytest.mark.parametrize(("moves", "epoch", "step"), [(1, 1, 2), (SYNTHETIC, 2, STEPS + 1)])
def test_a_generator_that_is_not_finite_has_diverged(moves, epoch, step, trained, data_root, tmp_path, monkeypatch):
    """The next synthetic step shows it; real ones between do not."""
    broken_after(monkeypatch, moves)
    doc = document("resnet18/gip")
    status, folder, files = train(doc, tree_for(doc, trained, tmp_path), data_root)
    result = read_json(folder / "result.json")
    assert status == 0 and (result["status"], result["epoch"], result["step"]) == ("diverged", epoch, step)
    assert result["terms"].keys() == {"L", "L_KD", "L_G", *LOSSES} and result["terms"]["L_BNS"] == "nan"
    assert files.keys() <= {"result.json", "history.csv"}
    assert f"diverged at epoch {epoch} step {step}" in (folder / "log.txt").read_text()


@pytest.mark.parametrize("name", ["resnet18/gip", "resnet18/dafl"])
def test_a_generator_that_breaks_in_its_last_move_has_diverged_too(name, trained, data_root, tmp_path, monkeypatch):
    broken_after(monkeypatch, EPOCHS * SYNTHETIC)
    doc = document(name)
    _, folder, files = train(doc, tree_for(doc, trained, tmp_path), data_root)
    result = read_json(folder / "result.json")
    assert (result["status"], result["epoch"]) == ("diverged", EPOCHS)
    assert set(result["terms"].values()) == {"non-finite weights"} and files.keys() <= {"result.json", "history.csv"}


def test_a_teacher_that_is_not_finite_ends_its_student_at_once(trained, data_root, tmp_path):
    doc = document("resnet18/gip")
    runs = tree_for(doc, trained, tmp_path)
    path = runs / doc["parents"]["teacher"]["run"] / "model.safetensors"
    weights = load_file(path)
    save_file(weights | {"head.bias": weights["head.bias"] * float("nan")}, path)
    rebind(path.parent)
    _, folder, _ = train(doc, runs, data_root)
    result = read_json(folder / "result.json")
    assert (result["status"], result["epoch"], result["step"]) == ("diverged", 1, 1)


def test_a_student_whose_teacher_diverged_is_blocked(data_root, tmp_path, monkeypatch):
    def diverging(self, batch):
        return self.logits(batch.images).sum() * float("nan"), {}

    with monkeypatch.context() as patch:
        patch.setattr(Baseline, "loss", diverging)
        train(document(TEACHER), tmp_path, data_root)
    result = read_json(folder_of(TEACHER, tmp_path) / "result.json")
    assert (result["status"], result["epoch"], result["step"]) == ("diverged", 1, 1)
    _, folder, files = train(document("resnet18/gip"), tmp_path, data_root)
    result = read_json(folder / "result.json")
    assert (result["status"], result["parent"]) == ("blocked", document(TEACHER)["run"])
    assert files.keys() == {"result.json"}


def test_gan_tsc_draws_from_the_gan_s_run(trained_large, data_root, tmp_path, monkeypatch):
    found, original = [], GanTsc.__init__

    def init(self, settings, student, **task):
        original(self, settings, student, **task)
        found.append({name: value.clone() for name, value in self.gan.state_dict().items()})

    monkeypatch.setattr(GanTsc, "__init__", init)
    doc = document("resnet18/gantsc", **FULL)
    train(doc, tree_for(doc, trained_large, tmp_path), data_root)
    expected = load_file(folder_of("acgan/acgan", trained_large, **FULL) / "generator.safetensors")
    assert found[0].keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in found[0].items())
