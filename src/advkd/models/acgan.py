"""ACGAN for 64x64 images (Odena et al., ICML 2017): generator and discriminator.

OKD's connector has the structure of the discriminator.

Choices:
    - [okd] Open: ACGAN's architecture. Here: the topology of the most used public one (eriklindernoren/PyTorch-GAN,
      acgan) at 64 pixels, with its two bugs corrected. Why: its class head applies a softmax before the cross entropy,
      which applies a second one (here both heads give logits), and BatchNorm2d(n, 0.8) sets eps instead of the momentum
      that was meant (here PyTorch's defaults).
"""

from torch import Tensor, nn


def _initialise(module: nn.Module) -> None:
    """Draw weights as DCGAN does (Radford et al. 2016): N(0, 0.02²), and N(1, 0.02²) for the scales of batch norm."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Generator(nn.Module):
    """Generates images from noise and a class; 4,451,459 parameters at width 128, z 128 and 5 classes.

    Args:
        width: channels of the first feature map; the last has half as many.
        z: length of the noise vector.
        classes: number of classes.
    """

    def __init__(self, width: int = 128, z: int = 128, classes: int = 5) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
            return [nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]

        self.embedding = nn.Embedding(classes, z)
        self.project = nn.Sequential(nn.Linear(z, width * 16 * 16), nn.Unflatten(1, (width, 16, 16)))
        self.layers = nn.Sequential(
            nn.BatchNorm2d(width),  # 16x16
            *block(width, width),  # 32x32
            *block(width, width // 2),  # 64x64
            nn.Conv2d(width // 2, 3, 3, padding=1),
            nn.Tanh(),
        )
        self.apply(_initialise)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """Map noise (B, z) and labels (B,) to images (B, 3, 64, 64) in [-1, 1]."""
        # The class enters by a product: each class scales the noise by a learned vector.
        return self.layers(self.project(noise * self.embedding(labels)))


class Discriminator(nn.Module):
    """Discriminator and connector: maps images to a source logit and class logits.

    It has 110,182 parameters at width 128 and 5 classes.

    Because of batch norm, the outputs for an image depend on the whole batch. Real and fake images therefore take
    separate forwards.

    Args:
        width: channels of the last feature map; the first has an eighth of them.
        classes: number of classes.
        dropout: probability with which a channel of a feature map is dropped.
    """

    def __init__(self, width: int = 128, classes: int = 5, dropout: float = 0.25) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, 3, 2, padding=1)
            return [convolution, nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(dropout)]

        self.layers = nn.Sequential(
            *block(3, width // 8),  # 32x32
            *block(width // 8, width // 4),  # 16x16
            nn.BatchNorm2d(width // 4),
            *block(width // 4, width // 2),  # 8x8
            nn.BatchNorm2d(width // 2),
            *block(width // 2, width),  # 4x4
            nn.BatchNorm2d(width),
            nn.Flatten(),
        )
        self.source = nn.Linear(width * 4 * 4, 1)
        self.classes = nn.Linear(width * 4 * 4, classes)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (B, 3, 64, 64) to source logits (B,), large for real ones, and class logits (B, classes)."""
        features = self.layers(images)
        return self.source(features).squeeze(1), self.classes(features)
