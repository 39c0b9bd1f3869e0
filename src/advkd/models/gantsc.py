"""The AC-GAN for 32-pixel images that GAN-TSC draws from (Liu, Fusi, Mackey, 2018): generator and discriminator.

Choices:
    - [gip: GAN-TSC] Published: a public generator, and a discriminator whose code is not available. Here: that
      generator, and a discriminator that mirrors it.
    - [gip: GAN-TSC] Published: the weights of a trained AC-GAN, which do not tell how they began. Here: PyTorch's
      default.
"""

import torch
from torch import Tensor, nn

from advkd.models.settings import AcGanDiscriminator


class Generator(nn.Module):
    """Generates images from noise and a class; 1,593,888 parameters at width 48, noise of length 100 and 10 classes.

    Args:
        classes: number of classes C.
        noise: length of the noise vector; the one-hot class is put before it.
        width: channels of the last map; the first has 8 times as many.
    """

    def __init__(self, classes: int, noise: int = 100, width: int = 48) -> None:
        super().__init__()
        self.classes, self.noise = classes, noise

        def block(inputs: int, outputs: int, stride: int, padding: int) -> list[nn.Module]:
            up = nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False)
            return [up, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

        self.layers = nn.Sequential(
            nn.Linear(classes + noise, 8 * width),
            nn.Unflatten(1, (8 * width, 1, 1)),
            *block(8 * width, 4 * width, 1, 0),  # 4x4
            *block(4 * width, 2 * width, 2, 1),  # 8x8
            *block(2 * width, width, 2, 1),  # 16x16
            nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False),  # 32x32
            nn.Tanh(),
        )

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Map noise (B, noise) and labels (B,) to images (B, 3, 32, 32) in [-1, 1]."""
        one_hot = nn.functional.one_hot(labels, self.classes).to(noise)  # in the type and on the device of the noise
        return self.layers(torch.cat([one_hot, noise], 1))


class Discriminator(nn.Module):
    """Classifies images, and can also tell real from generated ones.

    Args:
        classes: number of classes C.
        width: channels of the first map; the last has 4 times as many.
    """

    def __init__(self, classes: int, width: int = 48) -> None:
        super().__init__()
        self.width = width

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            down = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
            return [down, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True), nn.Dropout(0.5)]

        self.layers = nn.Sequential(
            *block(3, width),  # 16x16
            *block(width, 2 * width),  # 8x8
            *block(2 * width, 4 * width),  # 4x4
            nn.Flatten(),
        )
        self.source = nn.Linear(4 * width * 4**2, 1)
        self.head = nn.Linear(4 * width * 4**2, classes)

    def judge(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (B, 3, 32, 32) to source logits (B,), large for real images, and class logits (B, C)."""
        features = self.layers(images)
        return self.source(features).squeeze(1), self.head(features)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, 32, 32) to class logits (B, C)."""
        return self.head(self.layers(images))


def build(network: AcGanDiscriminator, classes: int) -> nn.Module:
    """Return the network that `network` describes, for a number of classes."""
    return Discriminator(classes, network.width)


def build_generator(network: AcGanDiscriminator, classes: int, noise: int) -> nn.Module:
    """Return the generator beside a discriminator, for noise of a length."""
    return Generator(classes, noise, network.width)
