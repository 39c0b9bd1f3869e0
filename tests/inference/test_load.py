"""`advkd.load`: what it returns is what was trained, wherever the run's folder lies."""

import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from trained_photos import CLASSES, write_16_bits

import advkd
from advkd.errors import UserError


@pytest.mark.parametrize("which", ["centred", "whole"])
@pytest.mark.parametrize("epoch", ["last", "best"])
def test_logits_are_those_of_the_training(which, epoch, tmp_path, request):
    run, photos = request.getfixturevalue(which)
    shutil.copytree(run, tmp_path / "copied")
    model = advkd.load(tmp_path / "copied", epoch=epoch)
    with np.load(run / "predictions.npz") as arrays:
        wanted, labels = arrays["logits" if epoch == "last" else "best_logits"], arrays["labels"]
    np.testing.assert_allclose(model.logits(photos, batch=2), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    assert model.classes == CLASSES
    assert [photo.parent.name for photo in photos] == [CLASSES[label] for label in labels]


def test_a_path_an_image_and_an_array_are_one_picture(centred):
    run, photos = centred
    model = advkd.load(run)
    turned = next(photo for photo in photos if photo.stem in ("photo 0", "photo 3", "photo 6"))
    with Image.open(turned) as image:
        expected = model.transform(turned)
        assert torch.equal(model.transform(image), expected)
    with Image.open(turned) as image:
        upright = np.asarray(image.transpose(Image.Transpose.ROTATE_270).convert("RGB"))
    assert torch.equal(model.transform(upright), expected) and expected.shape == (3, 64, 64)
    assert torch.equal(model.transform(str(turned)), expected)
    grey = upright[..., 0]
    assert torch.equal(model.transform(grey), model.transform(np.repeat(grey[..., None], 3, 2)))


@pytest.mark.parametrize("which", ["centred", "whole"])
def test_the_view_is_that_of_pillow_alone(which, request):
    """The recipe of docs/your-own-images.md, which needs no advkd, sees the same pixels up to rounding."""
    run, photos = request.getfixturevalue(which)
    model = advkd.load(run)
    stored, side = model.transform.stored_size, model.transform.views.image_size
    for photo in photos:
        with Image.open(photo) as image:
            upright = image.transpose(Image.Transpose.ROTATE_270) if image.getexif().get(0x0112) == 6 else image
            width, height = upright.size
            square = upright.convert("RGB").resize((stored, stored), Image.Resampling.BILINEAR)
        part = 224 / 256 * min(width, height) / 2 if side >= 64 else None
        x, y = (part / width, part / height) if part else (0.5, 0.5)
        left, top, right, bottom = (stored * place for place in (0.5 - x, 0.5 - y, 0.5 + x, 0.5 + y))
        cut = square.crop((math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)))
        box = (left % 1, top % 1, left % 1 + right - left, top % 1 + bottom - top)
        bands = [band.convert("F").resize((side, side), Image.Resampling.BILINEAR, box) for band in cut.split()]
        np.testing.assert_allclose(model.transform.pixels(photo), np.stack(bands), rtol=0, atol=2e-3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_of_grey_are_scaled_and_not_clipped(suffix, centred, tmp_path):
    model = advkd.load(centred[0])
    values = write_16_bits(tmp_path / f"grey.{suffix}")
    upright = np.rot90(values, -1) if suffix == "png" else values
    expected = np.round(upright / 65535 * 255).astype(np.uint8)
    assert torch.equal(model.transform(tmp_path / f"grey.{suffix}"), model.transform(expected))
    with Image.open(tmp_path / f"grey.{suffix}") as image:
        assert torch.equal(model.transform(image), model.transform(expected))


def test_predictions_are_calibrated(centred):
    run, photos = centred
    model = advkd.load(run)
    logits = model.logits(photos).double()
    labels = torch.tensor([model.classes.index(photo.parent.name) for photo in photos])
    found = model.predict(photos)
    assert found.labels == [model.classes[number] for number in logits.argmax(1)]
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-6)
    if model.temperature is None:  # every photo is right, or most are wrong
        np.testing.assert_allclose(found.probabilities, logits.softmax(1), atol=1e-5)
        return

    def nll(temperature):
        return float(torch.nn.functional.cross_entropy(logits / temperature, labels))

    best = nll(model.temperature)
    assert all(best < nll(model.temperature * factor) for factor in (0.99, 1.01))
    np.testing.assert_allclose(found.probabilities, (logits / model.temperature).softmax(1), atol=1e-5)


def test_any_iterable_and_any_batch_give_the_same(whole):
    run, photos = whole
    model = advkd.load(run)
    expected = model.logits(photos)
    assert model.network.training is False
    torch.testing.assert_close(model.logits((photo for photo in photos), batch=1), expected)
    arrays = np.stack([np.asarray(Image.open(photo).convert("RGB").resize((60, 40))) for photo in photos])
    assert model.logits(arrays).shape == expected.shape
    torch.testing.assert_close(model.logits(arrays[0]), model.logits(arrays)[:1])
    assert model.logits([]).shape == (0, len(CLASSES))


@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-4), (torch.bfloat16, 0.2)])
def test_other_types(whole, dtype, within):
    run, photos = whole
    expected = advkd.load(run).logits(photos)
    model = advkd.load(run, dtype=dtype)
    found = model.logits(photos)
    assert next(model.network.parameters()).dtype == model.dtype and found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=within * float(expected.abs().max()))


def test_a_run_is_found_by_its_name(centred, monkeypatch):
    run, photos = centred
    root = run.parents[7]
    name = "/".join(run.parts[-5:])
    monkeypatch.chdir(root)
    assert advkd.load(name).description.run == name
    assert torch.equal(advkd.load(name, scale="gpu").logits(photos), advkd.load(run).logits(photos))
    with pytest.raises(UserError, match="is not trained at scale smoke here"):
        advkd.load(name, scale="smoke")
    (root / "results/paper/runs" / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "result.json", root / "results/paper/runs" / name / "result.json")
    with pytest.raises(UserError, match=r"at several scales: name the folder of one, .*gpu.* and .*paper"):
        advkd.load(name)


def test_what_cannot_be_loaded_is_one_line(centred, tmp_path):
    run, _ = centred

    def refused(match, source, **options):
        with pytest.raises(UserError, match=match) as error:
            advkd.load(source, **options)
        assert "\n" not in str(error.value)

    def copied(name):
        return shutil.copytree(run, tmp_path / name)

    refused("is neither a folder nor a run's name", tmp_path / "nowhere")
    refused("is neither a run's folder .* nor an exported one", tmp_path)
    refused("is not trained here", "aikd/none/resnet18/aikd/seed7")
    refused("epoch is 'first': ask for last or best", run, epoch="first")
    refused(r"dtype is torch\.int8: use float32", run, dtype=torch.int8)
    refused("device is 'tpu9', which torch does not know", run, device="tpu9")

    (copied("unfinished") / "result.json").unlink()
    refused("is not finished", tmp_path / "unfinished")
    (copied("half") / "model.safetensors").unlink()
    refused("model.safetensors is missing: copy the run's whole folder again", tmp_path / "half")
    weights = copied("flipped") / "best.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    refused("its checksum differs.*: copy the run's whole folder again", tmp_path / "flipped", epoch="best")
    assert advkd.load(tmp_path / "flipped").description.epoch == "last"


def test_images_that_are_none_are_one_line(centred, tmp_path):
    model = advkd.load(centred[0])
    (tmp_path / "a.jpg").write_text("no image")
    for image, match in (
        (tmp_path / "a.jpg", "a.jpg cannot be decoded"),
        (tmp_path / "none.jpg", "none.jpg is missing"),
        (np.zeros((4, 4, 3)), r"type float64 and shape \(4, 4, 3\), not uint8"),
        (np.zeros((4, 4, 4), np.uint8), "not uint8"),
        (np.zeros((0, 4, 3), np.uint8), "which has no pixel"),
        (7, "is of type int: give a path"),
    ):
        with pytest.raises(UserError, match=match):
            model.predict([image])


def test_weights_of_another_network_are_refused(centred, tmp_path):
    """As after weights and config.yaml of two runs were mixed up, both rebound."""
    from bound_runs import rebind
    from safetensors.torch import load_file, save_file

    run = shutil.copytree(centred[0], tmp_path / "run")
    weights = load_file(run / "model.safetensors")
    weights["fc.weight"] = torch.zeros(2, 64)
    save_file(weights, run / "model.safetensors")
    rebind(run)
    with pytest.raises(UserError, match=r"does not fit the network that .* aikd/mine.* describe \(size mism"):
        advkd.load(run)


def test_without_predictions_and_metrics_nothing_is_calibrated(centred, tmp_path, capsys):
    run = shutil.copytree(centred[0], tmp_path / "run")
    (run / "predictions.npz").unlink()
    model = advkd.load(run)
    assert model.temperature is None
    model.predict(centred[1][:1])
    assert "are not calibrated" in capsys.readouterr().err
