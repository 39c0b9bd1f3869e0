import pytest
import torch
from torchvision.transforms import v2

from advkd.settings.classifier import ColourJitter, RandAugment
from advkd.training.policies import augmented
from torch_state import _torch_state  # noqa: F401  (a fixture)

COLOUR = ColourJitter(augment="colour", colour_strength=0.4)
RAND = RandAugment(augment="randaugment", randaugment_operations=2, randaugment_magnitude=9)
POLICIES = pytest.mark.parametrize("settings", [COLOUR, RAND], ids=lambda settings: settings.augment)


def images(count=6, side=24):
    return torch.randint(256, (count, side, side, 3), generator=torch.Generator().manual_seed(4)).float()


def draw(settings, seed=1, pixels=None):
    return augmented(images() if pixels is None else pixels, settings, torch.Generator().manual_seed(seed))


@POLICIES
def test_views_repeat_from_their_generator_and_disturb_no_other(settings):
    pixels, state = images(), torch.get_rng_state()
    first, again, other = (draw(settings, seed, pixels) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(pixels, images()) and torch.equal(torch.get_rng_state(), state)
    assert first.shape == pixels.shape and first.dtype == torch.float32
    assert torch.equal(first, first.round()) and first.min() >= 0 and first.max() <= 255


@POLICIES
def test_equal_images_are_changed_differently(settings):
    same = draw(settings, pixels=images(1).repeat(8, 1, 1, 1))
    assert len({view.numpy().tobytes() for view in same}) > 4


def test_randaugment_is_torchvisions():
    pixels = images()
    seeds = torch.randint(2**63 - 1, (len(pixels),), generator=torch.Generator().manual_seed(1)).tolist()
    expected = []
    for image, seed in zip(pixels.to(torch.uint8), seeds, strict=True):
        torch.manual_seed(seed)
        expected.append(v2.RandAugment(2, 9)(image.permute(2, 0, 1)).permute(1, 2, 0))
    assert torch.equal(draw(RAND), torch.stack(expected).float())


def test_colours_stay_within_the_strength():
    grey = torch.full((200, 4, 4, 3), 100.0)
    brightness = draw(COLOUR, pixels=grey)[:, 0, 0, 0]
    # brightness scales by a factor from [0.6, 1.4]; of a plain grey, contrast and saturation change nothing
    assert 58 <= brightness.min() < 75 and 125 < brightness.max() <= 142
    none = ColourJitter(augment="colour", colour_strength=0.0)
    assert torch.equal(draw(none), images())
