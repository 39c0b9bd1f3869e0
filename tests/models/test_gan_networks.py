import pytest
import torch
from torch import nn

from advkd.models import acgan, sagan
from advkd.models.attention import SelfAttention


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def layers(network):
    """Parameter counts of the stages that have any, in order."""
    return [count(layer) for layer in network.layers if count(layer)]


@pytest.mark.parametrize("spectral_norm", [True, False])
def test_sagan_generator_parameters_by_layer(spectral_norm):
    network = sagan.Generator(64, 128, spectral_norm)
    expected = [1_049_088, 1_024, 2_097_408, 512, 524_416, 256, 20_641, 131_136, 128, 5_201, 3_075]
    assert layers(network) == expected
    assert count(network) == 3_832_885


@pytest.mark.parametrize("spectral_norm", [True, False])
def test_sagan_discriminator_parameters_by_layer(spectral_norm):
    network = sagan.Discriminator(64, spectral_norm)
    assert layers(network) == [3_136, 131_200, 524_544, 82_241, 2_097_664, 328_321, 8_193]
    assert count(network) == 3_175_299


def test_acgan_sizes():
    assert count(acgan.Generator(128, 128, 5)) == 4_451_459
    assert count(acgan.Discriminator(128, 5)) == 110_182


@pytest.mark.parametrize("width", [8, 16])
def test_width_scales_every_map(width):
    generator, critic = sagan.Generator(width), sagan.Discriminator(width)
    up = [layer.out_channels for layer in generator.layers if isinstance(layer, nn.ConvTranspose2d)]
    down = [layer.out_channels for layer in critic.layers if isinstance(layer, nn.Conv2d)]
    assert up == [8 * width, 4 * width, 2 * width, width, 3]
    assert down == [width, 2 * width, 4 * width, 8 * width, 1]
    down = [layer.out_channels for layer in acgan.Discriminator(width).layers if isinstance(layer, nn.Conv2d)]
    assert down == [width // 8, width // 4, width // 2, width]


def test_only_the_first_four_convolutions_are_normalised():
    for network in (sagan.Generator(8), sagan.Discriminator(8)):
        convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
        assert [hasattr(layer, "parametrizations") for layer in convolutions] == [True] * 4 + [False]
        attention = [layer for layer in network.layers if isinstance(layer, SelfAttention)]
        assert len(attention) == 2
        assert not any("parametrizations" in name for block in attention for name in block.state_dict())
    for network in (sagan.Generator(8, spectral_norm=False), sagan.Discriminator(8, spectral_norm=False)):
        assert not any("parametrizations" in name for name in network.state_dict())


def test_shapes_and_ranges():
    noise, labels = torch.randn(3, 128), torch.tensor([0, 4, 2])
    for images in (sagan.Generator(8)(noise), acgan.Generator(16)(noise, labels)):
        assert images.shape == (3, 3, 64, 64)
        assert images.abs().max() <= 1
    assert sagan.Discriminator(8)(images).shape == (3,)
    assert sagan.Discriminator(8)(images[:1]).shape == (1,)
    source, classes = acgan.Discriminator(16)(images)
    assert (source.shape, classes.shape) == ((3,), (3, 5))


@pytest.mark.parametrize("size", [32, 128])
def test_other_image_sizes_are_refused(size):
    images = torch.zeros(2, 3, size, size)
    with pytest.raises(RuntimeError):
        sagan.Discriminator(8)(images)
    with pytest.raises(RuntimeError):
        acgan.Discriminator(16)(images)


def test_sagan_critic_treats_every_image_alone():
    critic, images = sagan.Discriminator(8).eval(), torch.rand(4, 3, 64, 64)
    torch.testing.assert_close(critic(images), torch.cat([critic(image[None]) for image in images]))


def test_acgan_label_changes_the_image_and_heads_give_logits():
    generator, critic = acgan.Generator(16).eval(), acgan.Discriminator(16).eval()
    noise = torch.randn(1, 128)
    first, second = (generator(noise, torch.tensor([label])) for label in (0, 1))
    assert not torch.equal(first, second)
    with torch.no_grad():
        critic.source.bias.fill_(-7)
        critic.classes.bias.fill_(9)
    source, classes = critic(first)
    assert source.item() < 0
    assert classes.sum().item() > 1


def test_acgan_embedding_is_multiplied_into_the_noise():
    generator, silent = acgan.Generator(16).eval(), torch.zeros(1, 128)
    first, second = (generator(silent, torch.tensor([label])) for label in (0, 1))
    assert torch.equal(first, second)


def test_slopes_of_leaky_relus():
    for network, slope in ((sagan.Discriminator(8), 0.1), (acgan.Discriminator(16), 0.2), (acgan.Generator(16), 0.2)):
        found = {layer.negative_slope for layer in network.layers if isinstance(layer, nn.LeakyReLU)}
        assert found == {slope}


def test_acgan_batch_norm_has_the_default_eps():
    norms = [
        m for m in [*acgan.Generator().modules(), *acgan.Discriminator().modules()] if isinstance(m, nn.BatchNorm2d)
    ]
    assert [norm.eps for norm in norms] == [1e-5] * 6
