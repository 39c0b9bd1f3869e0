import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from sklearn.datasets import load_sample_images
from torchvision import transforms
from torchvision.transforms import functional

from advkd.settings.classifier import ColourJitter, NoMixing
from advkd.settings.classifier import Views as ViewSettings
from advkd.training import boxes
from advkd.training.views import NORMALISATIONS, Views, shifted
from torch_state import _torch_state  # noqa: F401  (a fixture)

CPU = torch.device("cpu")


def make_store(images, sizes=None, labels=None):
    """A store that trains and evaluates on the same images."""
    labels = np.zeros(len(images), np.int64) if labels is None else labels
    sizes = None if sizes is None else np.array(sizes, np.int32)
    return SimpleNamespace(
        images=images, labels=labels, sizes=sizes, held_out=images, held_out_labels=labels, held_out_sizes=sizes
    )


def settings(size=32, crop="pad", normalisation="cifar10"):
    return ViewSettings(image_size=size, crop=crop, normalisation=normalisation)


def noise(count, side):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pixels(views, normalisation="cifar10"):
    """Undo the normalisation: values in [0, 255]."""
    mean, std = (torch.tensor(values)[:, None, None] for values in NORMALISATIONS[normalisation])
    return 255 * (views * std + mean)


def photos(size):
    return [Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS) for photo in load_sample_images().images]


def squashed(images, side):
    return np.stack([np.asarray(image.resize((side, side), Image.Resampling.LANCZOS)) for image in images])


def test_shifts_equal_torchvisions_on_pil_images():
    cases = list(itertools.product(range(9), range(9), (False, True)))
    images = noise(len(cases), 32)
    down, right, flip = (torch.tensor(values) for values in zip(*cases, strict=True))
    found = shifted(torch.from_numpy(images), down, right, flip).numpy()
    for image, ours, (top, left, mirrored) in zip(images, found, cases, strict=True):
        cut = functional.crop(functional.pad(Image.fromarray(image), 4), top, left, 32, 32)
        np.testing.assert_array_equal(ours, np.asarray(functional.hflip(cut) if mirrored else cut))


def test_shifts_and_flips_are_uniform():
    count = 162 * 60
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(32)[:, None], np.arange(32)
    views = Views(make_store(image), settings(), 0.0, CPU)
    seen = pixels(views.training(torch.zeros(count, dtype=torch.int64), generator())).round().long()
    row, column, beside = seen[:, 0, 16, 16], seen[:, 1, 16, 16], seen[:, 1, 16, 17]
    flip = (beside < column).long()
    down, right = row - 16 + 4, column - torch.where(flip == 1, 15, 16) + 4
    cells = torch.bincount((down * 9 + right) * 2 + flip, minlength=162)
    assert len(cells) == 162
    assert stats.chisquare(cells.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_normalisation_is_torchvisions(normalisation):
    images = noise(5, 16)
    views = Views(make_store(images), settings(16, normalisation=normalisation), 0.0, CPU)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(*NORMALISATIONS[normalisation])])
    expected = torch.stack([transform(Image.fromarray(image)) for image in images])
    torch.testing.assert_close(torch.cat(list(views.evaluation(2))), expected, rtol=0, atol=1e-5)


def test_resized_views_equal_torchvisions_at_the_boxes_drawn(monkeypatch):
    images = noise(40, 64)
    drawn = boxes.random_resized(torch.full((40, 2), 64), generator(1))
    monkeypatch.setattr(boxes, "random_resized", lambda sizes, _: drawn)
    views = Views(make_store(images, [[64, 64]] * 40), settings(32, "resized"), 0.0, CPU)
    found, flips = pixels(views.training(torch.arange(40), generator())), 0
    for image, box, ours in zip(images, (64 * drawn).round().int().tolist(), found, strict=True):
        left, top, right, bottom = box
        cut = functional.resized_crop(Image.fromarray(image), top, left, bottom - top, right - left, [32, 32])
        expected = torch.from_numpy(np.array(cut)).permute(2, 0, 1)
        straight, mirrored = ((ours - view).abs().max() for view in (expected, expected.flip(2)))
        assert min(straight, mirrored) < 1.1, "Pillow rounds to 8 bits along each side"
        flips += int(mirrored < straight)
    assert 10 < flips < 30


def test_resized_views_take_each_images_own_size():
    sizes = [[640, 160], [160, 640], [100, 100]]
    ramps = np.zeros((3, 64, 64, 3), np.uint8)
    ramps[..., 0], ramps[..., 1] = 4 * np.arange(64)[:, None], 4 * np.arange(64)
    views = Views(make_store(ramps, sizes), settings(16, "resized"), 0.0, CPU)
    index = torch.tensor([0, 1, 2]).repeat(100)
    seen = pixels(views.training(index, generator()))
    height, width = (seen[:, 0].diff(dim=1).abs().amax((1, 2)), seen[:, 1].diff(dim=2).abs().amax((1, 2)))
    ratio = width / height * torch.tensor([4, 0.25, 1]).repeat(100)
    assert ratio.min() > 0.65 and ratio.max() < 1.55, "3/4 to 4/3 in the original, measured at 8 bits"


def test_views_of_squashed_photos_agree_with_those_of_the_originals():
    originals, difference = photos((500, 375)), []
    drawn = boxes.random_resized(torch.tensor([[500, 375]]).expand(20, 2), generator())
    views = Views(make_store(squashed(originals, 256), [[500, 375]] * 2), settings(224, "resized"), 0.0, CPU)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "random_resized", lambda sizes, _: drawn)
        seen = pixels(views.training(torch.arange(20) % 2, generator()))
    for number, (box, ours) in enumerate(zip(drawn, seen, strict=True)):
        left, top, right, bottom = (box * torch.tensor([500, 375, 500, 375])).round().int().tolist()
        cut = functional.resized_crop(originals[number % 2], top, left, bottom - top, right - left, [224, 224])
        expected = torch.from_numpy(np.array(cut)).permute(2, 0, 1).float()
        difference.append(min((ours - view).abs().mean() for view in (expected, expected.flip(2))))
    assert np.mean(difference) < 4, "of 255; the squash costs small crops some of their detail"


def test_training_repeats_from_its_generator_alone():
    for crop, size in (("pad", 32), ("resized", 16)):
        views = Views(make_store(noise(8, 32), [[40, 30]] * 8), settings(size, crop), 0.0, CPU)
        first, again, other = (views.training(torch.arange(8), generator(seed)) for seed in (3, 3, 4))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        assert first.shape == (8, 3, size, size)
        assert first.is_contiguous(memory_format=torch.channels_last)


def test_small_images_are_evaluated_whole():
    images = noise(7, 64)
    views = Views(make_store(images, [[64, 64]] * 7), settings(32, "resized"), 0.0, CPU)
    resized = [functional.resize(Image.fromarray(image), [32]) for image in images]
    expected = torch.from_numpy(np.stack([np.array(image) for image in resized])).permute(0, 3, 1, 2)
    batches = list(views.evaluation(3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert (pixels(torch.cat(batches)) - expected).abs().max() < 1.1


@pytest.mark.parametrize("size", [24, 48, 64])
def test_whole_images_are_resized_as_torchvision_does_and_only_flipped_if_asked(size):
    images = noise(40, 64)
    resized = [functional.resize(Image.fromarray(image), [size]) for image in images]
    expected = torch.from_numpy(np.stack([np.array(image) for image in resized])).permute(0, 3, 1, 2)
    whole, flip = (Views(make_store(images), settings(size, crop), 0.0, CPU) for crop in ("whole", "flip"))
    for views in (whole, flip):
        assert (pixels(torch.cat(list(views.evaluation(16)))) - expected).abs().max() < 1.1
    assert (pixels(whole.training(torch.arange(40), generator())) - expected).abs().max() < 1.1
    seen = pixels(flip.training(torch.arange(40), generator()))
    flipped = [bool((view - image.flip(2)).abs().max() < 1.1) for view, image in zip(seen, expected, strict=True)]
    kept = [bool((view - image).abs().max() < 1.1) for view, image in zip(seen, expected, strict=True)]
    assert [one != other for one, other in zip(flipped, kept, strict=True)] == [True] * 40 and 8 < sum(flipped) < 32


def test_a_policy_changes_training_views_and_no_others():
    images, policy = noise(6, 32), ColourJitter(augment="colour", colour_strength=0.5)
    plain, coloured = (Views(make_store(images), settings(32, "whole"), 0.0, CPU, one) for one in (None, policy))
    before = pixels(plain.training(torch.arange(6), generator()))
    assert (pixels(coloured.training(torch.arange(6), generator())) - before).abs().mean() > 5
    assert torch.equal(*(torch.cat(list(views.evaluation(6))) for views in (plain, coloured)))
    unmixed = Views(make_store(images), settings(32, "whole"), 0.0, CPU, NoMixing(augment="none"))
    assert torch.equal(pixels(unmixed.training(torch.arange(6), generator())), before)


def test_large_images_are_evaluated_at_their_centre():
    images = noise(2, 256)
    views = Views(make_store(images, [[256, 256]] * 2), settings(224, "resized"), 0.0, CPU)
    expected = torch.from_numpy(images[:, 16:240, 16:240]).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(pixels(next(views.evaluation(2))), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("size", [(400, 300), (280, 420)], ids=str)
def test_evaluated_photos_agree_with_torchvisions_transforms(size):
    originals = photos(size)
    views = Views(make_store(squashed(originals, 256), [size] * 2), settings(224, "resized"), 0.0, CPU)
    transform = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    expected = torch.stack([torch.from_numpy(np.array(transform(image))) for image in originals]).permute(0, 3, 1, 2)
    found = pixels(next(views.evaluation(2)))
    assert (found - expected).abs().mean() < 5, "half a pixel beside it where Resize or CenterCrop round"
    for pixels_beside, side in itertools.product((-2, 2), (2, 3)):
        assert (found - expected.roll(pixels_beside, side)).abs().mean() > 8


def test_labels_and_images_keep_the_stores_order(tmp_path):
    labels = np.random.default_rng(0).integers(0, 5, 9)
    images = np.repeat(np.arange(9, dtype=np.uint8), 32 * 32 * 3).reshape(9, 32, 32, 3)
    np.save(tmp_path / "images.npy", images)
    views = Views(make_store(np.load(tmp_path / "images.npy", mmap_mode="r"), labels=labels), settings(), 0.0, CPU)
    np.testing.assert_array_equal(views.labels, labels)
    np.testing.assert_array_equal(views.held_out_labels, labels)
    seen = pixels(torch.cat(list(views.evaluation(4))))[:, 0, 16, 16].round().int()
    assert seen.tolist() == list(range(9))
    index = torch.tensor([5, 0, 5, 8])
    assert pixels(views.training(index, generator()))[:, 0, 16, 16].round().int().tolist() == index.tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize(("crop", "stored", "size"), [("pad", 32, 32), ("resized", 64, 32), ("resized", 80, 64)])
def test_a_gpu_shows_the_same_views(monkeypatch, resident, crop, stored, size):
    if not resident:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (0, 0))
    store = make_store(noise(50, stored), [[500, 375]] * 50)
    here, there = (Views(store, settings(size, crop), 0.0, torch.device(name)) for name in ("cpu", "cuda"))
    index = torch.randint(50, (33,))
    for ours, theirs in (
        (here.training(index, generator()), there.training(index, generator())),
        (torch.cat(list(here.evaluation(20))), torch.cat(list(there.evaluation(20)))),
    ):
        assert theirs.device.type == "cuda"
        torch.testing.assert_close(theirs.cpu(), ours, rtol=0, atol=1e-4)
