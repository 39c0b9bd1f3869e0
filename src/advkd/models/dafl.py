"""The generator of DAFL (Chen et al., ICCV 2019), which GIP uses as well: it maps noise to normalised images.

The last layer standardises every colour channel over the batch. The images then have the mean and variance of the
normalised images that the teacher was trained on.

Choices:
    - [gip] Open: initial weights of the generator. Here: PyTorch's default. Why: as in DAFL's code.
    - [gip: DAFL] Published: eps 0.8 in two batch norms. Here: the same, for GIP too. Why: DAFL's author confirms it,
      though 0.8 was probably meant as momentum.
"""

from torch import Tensor, nn

EPS = 0.8  # of the two batch norms behind convolutions, see Choices


class Generator(nn.Module):
    """Generates images from noise; 8,423,939 parameters for noise of length 1,000, width 128 and 32 pixels.

    Args:
        noise: length of the noise vector.
        size: side of the images in pixels, a multiple of 4.
        width: channels of the first map; the last has half as many.
    """

    def __init__(self, noise: int = 1000, size: int = 32, width: int = 128) -> None:
        super().__init__()
        start = size // 4
        self.layers = nn.Sequential(
            nn.Linear(noise, width * start**2),
            nn.Unflatten(1, (width, start, start)),
            nn.BatchNorm2d(width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.BatchNorm2d(width, EPS),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width // 2, 3, 1, 1),
            nn.BatchNorm2d(width // 2, EPS),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width // 2, 3, 3, 1, 1),
            nn.Tanh(),
            nn.BatchNorm2d(3, affine=False),
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise (B, noise) to images (B, 3, size, size); in training mode they are standardised over the batch."""
        return self.layers(noise)
