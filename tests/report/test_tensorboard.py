"""Event files, read as TensorBoard reads them: framed records with checksums, each one event."""

import io
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from gip_runs import finish, generate, record_products
from PIL import Image
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

from advkd import cli
from advkd.errors import UserError
from advkd.files import read_json, write_json
from advkd.report import tensorboard
from advkd.runs.lookup import folder_of
from advkd.runs.stores import store_of
from advkd.settings import catalog, config

GAN, GIP = "okd/codebrim/sagan/okd/seed0", "gip/cifar10/resnet18/gip/seed0"
BEGAN = 1_700_000_000


def crc32c(data):
    """The CRC-32 of Castagnoli's polynomial, bit by bit."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ 0x82F63B78 * (register & 1)
    return register ^ 0xFFFFFFFF


def check(data, stored):
    found = crc32c(data)
    assert stored == ((found >> 15 | found << 17) + 0xA282EAD8) % 2**32


def events(path):
    content, found = path.read_bytes(), []
    while content:
        (length,), header = struct.unpack("<Q", content[:8]), struct.unpack("<I", content[8:12])
        data, footer = content[12 : 12 + length], struct.unpack("<I", content[12 + length : 16 + length])
        check(content[:8], *header)
        if length < 2000:  # a picture's takes seconds
            check(data, *footer)
        found.append(Event.FromString(data))
        content = content[16 + length :]
    return found


def written(name, out):
    """What the one file of a run holds: its events, and scalars, pictures and plugins' data by tag."""
    (path,) = (out / name).iterdir()
    found = SimpleNamespace(events=events(path), scalars={}, pictures={}, settings={}, ended=False)
    assert found.events[0].file_version == "brain.Event:2" and "tfevents" in path.name
    steps = [event.step for event in found.events]
    assert steps == sorted(steps)
    for event in found.events[1:]:
        (value,) = event.summary.value
        if value.HasField("simple_value"):
            found.scalars.setdefault(value.tag, {})[event.step] = value.simple_value
        elif value.HasField("image"):
            image = np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string)))
            found.pictures.setdefault(value.tag, {})[event.step] = image
        else:
            data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
            found.ended |= data.HasField("session_end_info")
            for key, setting in data.session_start_info.hparams.items():
                found.settings[key] = getattr(setting, setting.WhichOneof("kind"))
    return found


@pytest.fixture
def user(checkout):
    return config.user({"scale": "smoke", "seeds": 1})


def begin(one):
    """Leave what a training has written before its end."""
    folder = folder_of(one).path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(one.document()))
    (folder / "history.csv").write_text("iteration,L_D1,GP_D1,W_1\n2,0.5,0.1,-3\n4,nan,0.2,1e30\n")
    return folder


def end(one, samples=True):
    """Leave a finished GAN whose images say by their brightness what and when they are."""
    folder = begin(one)
    write_json(folder / "result.json", {"config_hash": one.hash, "status": "done", "sha256": {}})
    meta = {"features": one.settings["features"]}
    write_json(folder / "metrics.json", {"status": "done", "values": {"fid.G1": 3.5, "fid.G2": 2.5}, "meta": meta})
    attempts = [{"began": "2023-11-14T22:13:20Z"}]
    write_json(folder / "provenance.json", {"attempts": attempts, "code": "0", "data": {}, "result": {}})
    if samples:
        moments = np.array([100, 200], np.uint8).reshape(2, 1, 1, 1, 1)
        shown = {f"G{i}": np.full((20, 8, 8, 3), 200 + i, np.uint8) for i in (1, 2)}
        curve = {f"curve/G{i}": np.broadcast_to(moments + np.uint8(i), (2, 9, 8, 8, 3)) for i in (1, 2)}
        np.savez(folder / "samples.npz", **shown, **curve, curve_steps=[5, 10])
        record_products(folder)
    return folder


def test_a_gan_s_curves_settings_and_metrics(user, tmp_path):
    one = config.resolve(GAN, user)
    end(one)
    tensorboard.write([GAN], user, tmp_path / "logs")
    found = written(GAN, tmp_path / "logs")
    curves = {tag: values for tag, values in found.scalars.items() if not tag.startswith("metrics/")}
    assert curves == {
        "loss/L_D1": {2: 0.5},
        "penalty/GP_D1": {2: pytest.approx(0.1), 4: pytest.approx(0.2)},
        "distance/W_1": {2: -3, 4: pytest.approx(1e30)},
    }
    assert {tag: values[4] for tag, values in found.scalars.items() if tag not in curves} == {
        "metrics/fid.G1": 3.5, "metrics/fid.G2": 2.5, "metrics/fid.best": 2.5,
    }  # fmt: skip
    assert found.settings == one.settings and found.ended
    assert {event.wall_time for event in found.events} == {BEGAN}, "no step's time is invented"


def test_what_generators_drew_stands_at_its_moment(user, tmp_path):
    one = config.resolve(GAN, user)
    end(one)
    tensorboard.write([GAN], user, tmp_path)
    pictures = written(GAN, tmp_path).pictures
    assert pictures.keys() == {"samples/G1", "samples/G2"}
    assert one.settings["iterations"] == 10, "the curve's last moment is the end"
    assert {step: image[5, 5].tolist() for step, image in pictures["samples/G2"].items()} == {
        5: [102] * 3, 10: [202] * 3,
    }  # fmt: skip


def test_a_grid_shows_the_first_sixteen_images_in_order(user, tmp_path):
    one = config.resolve(GAN, user)
    folder = end(one)
    images = np.arange(20 * 8 * 8 * 3).reshape(20, 8, 8, 3).astype(np.uint8)
    np.savez(folder / "samples.npz", G1=images, G2=images[:6])
    record_products(folder)
    tensorboard.write([GAN], user, tmp_path)
    pictures = written(GAN, tmp_path).pictures
    sheet = pictures["samples/G1"][10]
    assert sheet.shape == (16, 64, 3), "eight in a row"
    assert all((sheet[8 * (i // 8) :, 8 * (i % 8) :][:8, :8] == images[i]).all() for i in range(16))
    assert pictures["samples/G2"][10].shape == (8, 48, 3)


def test_a_classifier_with_its_generator(user, tmp_path):
    one = config.resolve(GIP, user)
    finish(one)
    generate(one, epochs=12)
    (folder_of(one).path / "config.yaml").write_text(yaml.safe_dump(one.document()))
    tensorboard.write(["gip_table1"], user, tmp_path)
    found = written(GIP, tmp_path)
    assert list(found.scalars["schedule/lr"]) == list(range(1, 13)) and "loss/L_IE" in found.scalars
    assert found.scalars["metrics/accuracy"] == {12: 60}
    with np.load(folder_of(one).path / "samples.npz") as arrays:
        moments = dict(zip(arrays["epochs"].tolist(), arrays["images"], strict=True))
    assert found.pictures["samples/G"].keys() == moments.keys()
    assert all((found.pictures["samples/G"][step][:32, :32] == moments[step][0]).all() for step in moments)


def test_a_run_that_still_trains(user, tmp_path):
    begin(config.resolve(GAN, user))
    tensorboard.write([], user, tmp_path)
    found = written(GAN, tmp_path)
    assert found.scalars.keys() == {"loss/L_D1", "penalty/GP_D1", "distance/W_1"} and not found.pictures
    assert found.settings["iterations"] == 10 and not found.ended
    assert {event.wall_time for event in found.events} == {0}


def change_settings(one, user):
    return config.user({"scale": "smoke", "seeds": 1, "override": {"gip": {"weight_decay": 0.123}}})


def train_its_teacher_again(one, user):
    teacher = one.parents["teacher"]
    finish(teacher)
    for name in ("result.json", "provenance.json"):
        content = read_json(folder_of(teacher).file(name))
        content.get("result", content)["sha256"]["model.safetensors"] = "cd" * 32
        write_json(folder_of(teacher).file(name), content)
    return user


def prepare_other_images(one, user):
    write_json(store_of(one, user) / "meta.json", {"name": "cifar10", "sha256": {"images.npy": "2" * 64}})
    return user


@pytest.mark.parametrize("ended", [True, False], ids=["finished", "unfinished"])
@pytest.mark.parametrize(
    ("change", "told", "told_of_unfinished"),
    [
        (
            change_settings,
            "is outdated: its settings changed since",
            "was begun with other settings than those asked for",
        ),
        (train_its_teacher_again, "was trained again since; the next snakemake trains it again", ""),
        (prepare_other_images, "is of outdated data: data set cifar10-", ""),
    ],
)
def test_a_training_that_is_not_of_today_is_told(user, tmp_path, capsys, change, told, told_of_unfinished, ended):
    one = config.resolve(GIP, user)
    begin(one)
    if ended:
        finish(one)
    expected = told if ended else told_of_unfinished
    tensorboard.write([GIP], user, tmp_path)
    assert told not in (before := capsys.readouterr().err) and "other settings" not in before
    tensorboard.write([GIP], change(one, user), tmp_path)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"{GIP} ")]
    assert [expected in line for line in lines] == ([True] if expected else [])


def test_writing_again_replaces(user, tmp_path):
    folder = end(config.resolve(GAN, user))
    tensorboard.write([GAN], user, tmp_path)
    (folder / "history.csv").write_text("iteration,L_D1\n2,7\n")
    tensorboard.write(["okd_table1", GAN], user, tmp_path)
    assert written(GAN, tmp_path).scalars["loss/L_D1"] == {2: 7}


def test_the_rest_of_a_damaged_run_is_written(user, tmp_path, capsys):
    folder = end(config.resolve(GAN, user))
    (folder / "samples.npz").write_bytes(b"no archive")
    (folder / "config.yaml").unlink()
    assert tensorboard.write([GAN], user, tmp_path) == 1
    found = written(GAN, tmp_path)
    assert found.scalars["penalty/GP_D1"].keys() == {2, 4} and not found.pictures and not found.settings
    told = capsys.readouterr().err
    assert f"{GAN}: left out: its images: " in told and "config.yaml is missing" in told
    assert f"of 1 of them something was left out, as said above: {GAN}" in told


def test_a_damaged_history_ends_with_a_fault(user, tmp_path, capsys):
    folder = end(config.resolve(GAN, user))
    assert cli.main(["tensorboard", GAN, "--out", str(tmp_path)]) == 0
    text = (folder / "history.csv").read_text()
    (folder / "history.csv").write_text(text.replace("2", "x"))
    assert cli.main(["tensorboard", GAN, "--out", str(tmp_path)]) == 1
    assert f"{GAN}: left out: its history: " in capsys.readouterr().err


def test_bad_input(user, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no run of okd_table1 has a history at scale smoke"):
        tensorboard.write(["okd_table1"], user, tmp_path)
    with pytest.raises(UserError, match="'okd_table9' is not a target"):
        tensorboard.write(["okd_table9"], user, tmp_path)
    with pytest.raises(UserError, match="is not the name of a run"):
        tensorboard.write(["okd/codebrim/sagan"], user, tmp_path)
    assert catalog.selected([], user).keys() == catalog.all_runs(user).keys()
    monkeypatch.setitem(sys.modules, "tensorboardX.record_writer", None)
    with pytest.raises(UserError, match=r"needs the extra tensorboard: install advkd\[tensorboard\]"):
        tensorboard.write([], user, tmp_path)
