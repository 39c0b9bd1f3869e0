"""GAN-TSC's AC-GAN."""

import torch
from torch import nn
from torch.nn import functional as F

from advkd.models import classifiers
from advkd.models.gantsc import Discriminator, Generator


def test_the_generator_is_the_published_one():
    with torch.device("meta"):
        network = Generator(10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_593_888
    linear = next(module for module in network.modules() if isinstance(module, nn.Linear))
    assert (linear.in_features, linear.out_features) == (110, 384)
    up = [module for module in network.modules() if isinstance(module, nn.ConvTranspose2d)]
    assert [(one.in_channels, one.out_channels) for one in up] == [(384, 192), (192, 96), (96, 48), (48, 3)]
    assert [one.stride[0] for one in up] == [1, 2, 2, 2] and {one.kernel_size for one in up} == {(4, 4)}


def test_the_generator_against_a_literal_forward():
    torch.set_default_dtype(torch.float64)
    network, noise, labels = Generator(4, 6, 8), torch.randn(5, 6), torch.tensor([0, 3, 1, 1, 2])
    images = network(noise, labels)
    left = iter(network.parameters())
    x = torch.cat([torch.eye(4)[labels], noise], 1) @ next(left).T + next(left)  # the class first
    x = x[:, :, None, None]
    for stride, padding in ((1, 0), (2, 1), (2, 1)):
        x = F.conv_transpose2d(x, next(left), stride=stride, padding=padding)
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        gamma, beta = next(left), next(left)
        x = ((x - mean) / (var + 1e-5).sqrt() * gamma[:, None, None] + beta[:, None, None]).clamp(min=0)
    x = F.conv_transpose2d(x, next(left), stride=2, padding=1).tanh()
    assert not list(left) and images.shape == (5, 3, 32, 32)
    torch.testing.assert_close(images, x)


def test_the_discriminator_judges_and_classifies():
    network, images = Discriminator(7, 8).eval(), torch.randn(3, 3, 32, 32)
    source, classes = network.judge(images)
    assert (source.shape, classes.shape) == ((3,), (3, 7))
    logits, features = classifiers.logits_and_features(network, images)
    torch.testing.assert_close(logits, classes)
    assert features.shape == (3, 512), "the head that classifies, not the one that tells real from generated"
    torch.testing.assert_close(source, (features @ network.source.weight.T + network.source.bias).squeeze(1))
