import numpy as np
import pytest
import torch
from scipy import stats

from advkd.settings.classifier import CutMix, Cutout, Mixup, NoMixing
from advkd.training.mixing import cut_out, mix
from torch_state import _torch_state  # noqa: F401  (a fixture)

SIDE = 32
CUTOUT = Cutout(augment="cutout", cutout_size=16)
MIXUP = Mixup(augment="mixup", mixup_alpha=0.4)
CUTMIX = CutMix(augment="cutmix", cutmix_alpha=1.0, cutmix_probability=1.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(count, side=SIDE):
    return torch.randn(count, 3, side, side).to(memory_format=torch.channels_last)


def boxed(changed):
    """Rows and columns of the only rectangle of True in a mask (S, S), each (first, one behind the last)."""
    rows, columns = (changed.any(axis).nonzero()[:, 0] for axis in (1, 0))
    (top, bottom), (left, right) = ((int(line.min()), int(line.max()) + 1) for line in (rows, columns))
    assert changed[top:bottom, left:right].all() and changed.sum() == (bottom - top) * (right - left)
    return (top, bottom), (left, right)


def reference_box(random, side, share):
    """CutMix's own drawing of a box."""
    cut = int(side * np.sqrt(1 - share))
    centres = random.integers(side, size=2)
    return [tuple(np.clip([centre - cut // 2, centre + cut // 2], 0, side)) for centre in centres]


@pytest.mark.parametrize("s", [CUTOUT, MIXUP, CUTMIX], ids=lambda s: s.augment)
def test_batch_stays_as_it_is_and_repeats_from_its_generator(s):
    images = noise(6)
    before = images.clone()
    first, again, other = (mix(images, generator(seed), s).images for seed in (1, 1, 2))
    assert torch.equal(images, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.is_contiguous(memory_format=torch.channels_last)


def test_none_mixes_nothing():
    images = noise(4)
    mixed = mix(images, generator(), NoMixing(augment="none"))
    assert mixed.images is images
    assert mixed.partner is None and mixed.share is None


def test_cutout_equals_a_loop_around_uniform_centres():
    images, lines = noise(4000), []
    mixed = mix(images, generator(), CUTOUT)
    assert mixed.partner is None and mixed.share is None
    spans = {(max(c - 8, 0), min(c + 8, SIDE)): c for c in range(SIDE)}
    for image, ours in zip(images, mixed.images, strict=True):
        (top, bottom), (left, right) = boxed((ours != image).all(0))
        expected = image.clone()
        expected[:, top:bottom, left:right] = 0
        assert torch.equal(ours, expected)
        lines.append((spans[top, bottom], spans[left, right]))
    for centres in np.array(lines).T:
        assert stats.chisquare(np.bincount(centres, minlength=SIDE)).pvalue > 1e-3
    assert abs(np.corrcoef(np.array(lines).T)[0, 1]) < 0.05


def test_cutout_of_odd_and_oversized_squares():
    cut = cut_out(torch.ones(300, 1, 9, 9), 3, generator())
    assert (cut == 0).sum((1, 2, 3)).max() == 9
    assert torch.equal(cut_out(torch.ones(5, 1, 4, 4), 8, generator()), torch.zeros(5, 1, 4, 4))


def test_mixup_equals_a_loop():
    images = noise(5)
    mixed = mix(images, generator(), MIXUP)
    (share,) = set(mixed.share.tolist())
    assert sorted(mixed.partner.tolist()) == list(range(5))
    assert 0 < share < 1
    for i, j in enumerate(mixed.partner.tolist()):
        torch.testing.assert_close(mixed.images[i], share * images[i] + (1 - share) * images[j])


@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_mixup_shares_follow_beta(alpha):
    s, images = Mixup(augment="mixup", mixup_alpha=alpha), noise(2, 2)
    shares = [mix(images, generator(seed), s).share[0].item() for seed in range(1000)]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_cutmix_equals_a_loop_and_boxes_follow_the_reference():
    images = torch.arange(4.0)[:, None, None, None].expand(4, 3, SIDE, SIDE).contiguous()
    seen = []
    for seed in range(1500):
        mixed = mix(images, generator(seed), CUTMIX)
        share = mixed.share[0].item()
        others = [(i, j) for i, j in enumerate(mixed.partner.tolist()) if i != j]
        if not others or share == 1:
            continue
        (top, bottom), (left, right) = boxed(mixed.images[others[0][0], 0] != others[0][0])
        expected = images.clone()
        for i, j in enumerate(mixed.partner.tolist()):
            for row in range(top, bottom):
                expected[i, :, row, left:right] = images[j, :, row, left:right]
        assert torch.equal(mixed.images, expected)
        assert mixed.share.tolist() == pytest.approx([1 - (bottom - top) * (right - left) / SIDE**2] * 4)
        seen.append((top, bottom, left, right))
    random = np.random.default_rng(0)
    drawn = [np.ravel(reference_box(random, SIDE, random.beta(1, 1))) for _ in range(1500)]
    theirs = np.array([box for box in drawn if box[0] < box[1] and box[2] < box[3]])
    for ours, reference in zip(np.array(seen).T, theirs.T, strict=True):
        assert stats.ks_2samp(ours, reference).pvalue > 1e-3
    area = [(b[:, 1] - b[:, 0]) * (b[:, 3] - b[:, 2]) for b in (np.array(seen), theirs)]
    assert stats.ks_2samp(*area).pvalue > 1e-3


def test_cutmix_is_applied_with_its_probability():
    s = CutMix(augment="cutmix", cutmix_alpha=1.0, cutmix_probability=0.3)
    images = noise(2, 4)
    found = [mix(images, generator(seed), s) for seed in range(1000)]
    assert all((mixed.share is None) == (mixed.partner is None) for mixed in found)
    assert all(mixed.images is images for mixed in found if mixed.share is None)
    applied = sum(mixed.share is not None for mixed in found)
    assert stats.binomtest(applied, 1000, 0.3).pvalue > 1e-3


@pytest.mark.parametrize("s", [MIXUP, CUTMIX], ids=lambda s: s.augment)
def test_groups_share_partner_share_and_box(s):
    anchors, partners = noise(5), noise(5)
    both = mix(torch.cat([anchors, partners]), generator(), s, groups=2)
    for half, alone in ((both.images[:5], anchors), (both.images[5:], partners)):
        single = mix(alone, generator(), s)
        assert torch.equal(half, single.images)
        assert torch.equal(both.partner, single.partner)
        assert torch.equal(both.share, single.share)
    assert both.share.shape == (5,) and both.share.dtype == torch.float32


def test_groups_are_cut_out_each_by_itself():
    images = noise(5).repeat(2, 1, 1, 1)
    first, second = mix(images, generator(), CUTOUT, groups=2).images.chunk(2)
    assert not torch.equal(first, second)
