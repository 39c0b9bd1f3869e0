"""The networks that a run learns from, read from folders written here."""

import csv
import re
from types import SimpleNamespace

import pytest
import torch
import yaml
from safetensors.torch import save_file
from tiny_gip import FULL, document
from torch import nn

from advkd.errors import UserError
from advkd.models import classifiers, gantsc
from advkd.models.settings import ReActNet18Settings, SmallResNet
from advkd.runs.folder import RunFolder
from advkd.runs.session import Parent
from advkd.settings.papers import run_settings
from advkd.training import parents
from torch_state import _torch_state  # noqa: F401  (a fixture)

CPU = torch.device("cpu")
TEACHER = "resnet18/baseline"
NAME = "gip/cifar10/resnet18/baseline/seed0"
REMEDY = f"delete result.json beside it, then: advkd train {NAME}"


def weights_of(network):
    """A network's weights, none of which is what it is at first."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
    return {name: value.contiguous() for name, value in network.state_dict().items()}


def write(tree, name, error=10.0, changes=(), **weights):
    """Write a run's folder: config.yaml, history.csv and, by name, the weights of networks; return it."""
    doc = document(name, **dict(changes))
    folder = tree / doc["run"]
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(doc))
    with (folder / "history.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerows([["epoch", "valid_error"], [1, 0.5], [2, error]])
    for name, network in weights.items():
        save_file(weights_of(network), folder / f"{name}.safetensors")
    return folder


def load(classes=5, images=1000, student="resnet18/kd", **folders):
    """Load the networks of a student's parents from their folders."""
    doc = document(student)
    known = {role: Parent(RunFolder(folder)) for role, folder in folders.items()}
    session = SimpleNamespace(settings=run_settings(doc["run"], doc["settings"]), parents=known)
    return parents.load(session, classes, images, CPU)


def teacher(classes=5, model="resnet18", width=8):
    return classifiers.build(SmallResNet(model=model, width=width, stem="cifar"), classes)


def reactnet(binary, shortcut=None):
    return classifiers.build(ReActNet18Settings(model="reactnet18", width=8, binary=binary, shortcut=shortcut), 5)


def same(network, other):
    pairs = zip(network.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == also and torch.equal(one, two) for (name, one), (also, two) in pairs)


@pytest.mark.parametrize(("kind", "weights"), [("last", "model"), ("best", "best")])
def test_a_teacher_s_last_or_best_weights(tmp_path, kind, weights):
    networks = {"model": teacher(), "best": teacher()}
    folder = write(tmp_path, TEACHER, **networks)
    student = f"resnet18/kd+teacher_weights={kind}" if kind == "best" else "resnet18/kd"
    found = load(student=student, teacher=folder)
    assert same(found["teacher"], networks[weights])
    assert not any(module.training for module in found["teacher"].modules())


def test_every_parent_has_its_own_network(tmp_path):
    networks = {"teacher": teacher(width=12), "gan": gantsc.Generator(5, 6, 8)}
    first, discriminator = reactnet("activations"), gantsc.Discriminator(5, 8)
    gan = {"noise": 6, **FULL}
    folders = {
        "teacher": write(tmp_path, TEACHER, changes={"width": 12}, model=networks["teacher"]),
        "gan": write(tmp_path, "acgan/acgan", changes=gan, generator=networks["gan"], model=discriminator),
        "start": write(tmp_path, "reactnet18/baseline+binary=activations", model=first),
    }
    found = load(**folders)
    for role, network in {**networks, "start": first}.items():
        assert same(found[role], network), role
    assert isinstance(found["gan"], gantsc.Generator)
    student = reactnet("all", "binary")
    student.load_state_dict(found["start"].state_dict())


@pytest.mark.parametrize("fault", ["width", "depth", "classes", "keys"])
def test_weights_that_do_not_fit_are_one_line(tmp_path, fault):
    other = {
        "width": teacher(width=12), "depth": teacher(model="resnet34"), "classes": teacher(classes=7),
        "keys": gantsc.Discriminator(5, 8),
    }[fault]  # fmt: skip
    folder = write(tmp_path, TEACHER, model=other)
    with pytest.raises(UserError) as caught:
        load(teacher=folder)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 1000, "not every one of a hundred names"
    assert f"{folder}/model.safetensors does not fit resnet18 of width 8 for 5 classes" in message
    assert message.endswith(f"train {NAME} again")


@pytest.mark.parametrize(("error", "images", "classes", "expected"), [
    (90.0, 10_000, 10, True), (90.2, 10_000, 10, True), (89.2, 10_000, 10, True), (89.0, 10_000, 10, False),
    (99.0, 10_000, 100, True), (98.0, 10_000, 100, False), (50.0, 12, 4, True), (25.0, 12, 4, False),
    (0.0, 10_000, 10, False),
])  # fmt: skip
def test_a_teacher_at_chance_is_warned_of(tmp_path, capsys, error, images, classes, expected):
    """Within three standard deviations of what guessing gets."""
    folder = write(tmp_path, TEACHER, error, model=teacher(classes))
    load(classes, images, teacher=folder)
    said = capsys.readouterr().err
    right = round((1 - error / 100) * images)
    line = f"warning: the teacher {NAME} is right for {right} of {images} images"
    assert (line in said) == expected and (said == "") != expected
    assert said.count("\n") == int(expected)


def test_only_a_teacher_is_judged(tmp_path, capsys):
    folder = write(tmp_path, TEACHER, 90.0, model=teacher())
    load(start=folder, superior=folder)
    assert capsys.readouterr().err == ""


def test_a_teacher_s_best_epoch_is_judged_by_its_own_error(tmp_path, capsys):
    """The last epoch is at chance, the first, whose weights teach, is not."""
    folder = write(tmp_path, TEACHER, 90.0, best=teacher(10))
    load(10, student="resnet18/kd+teacher_weights=best", teacher=folder)
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.yaml", "history.csv"])
def test_a_file_that_a_parent_lacks_is_one_line(tmp_path, name):
    folder = write(tmp_path, TEACHER, model=teacher())
    (folder / name).unlink()
    with pytest.raises(UserError) as caught:
        load(teacher=folder)
    assert str(caught.value) == f"{folder}/{name} is missing: {REMEDY}"


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("config.yaml", "settings: [", r"cannot be read \(ParserError: .*\)"),
    ("config.yaml", "a: 1", "has no 'settings', as a file of another version"),
    ("history.csv", "epoch,valid_error", r"cannot be read \(ValueError: it has no row\)"),
])  # fmt: skip
def test_a_file_of_a_parent_that_cannot_be_read_is_one_line(tmp_path, name, content, reason):
    folder = write(tmp_path, TEACHER, model=teacher())
    (folder / name).write_text(content)
    with pytest.raises(UserError) as caught:
        load(teacher=folder)
    assert re.fullmatch(f"{re.escape(f'{folder}/{name}')} {reason}: {re.escape(REMEDY)}", str(caught.value))
