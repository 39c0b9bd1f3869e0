"""SAGAN for 64x64 images (Zhang et al., ICML 2019; OKD-SAGAN, Figure 2): generator and discriminator.

OKD's connector has the structure of the discriminator. Initialisation is PyTorch's default, as in the port named below.
The last convolutions and the attention blocks have no spectral norm.

Choices:
    - [okd: section 4] Printed: "set according to the original SAGAN". Here: the networks of the public 64-pixel port
      heykeetae/Self-Attention-GAN. Why: the original's networks are for 128 pixels; the port matches every number and
      equation of the paper.
    - [okd] Open: spectral norm together with the gradient penalty. Here: on in G, D and C (`spectral_norm`). Why: "same
      as SAGAN"; but that port removes it for WGAN-GP.
"""

from torch import Tensor, nn

from advkd.models.attention import SelfAttention
from advkd.models.spectral import with_spectral_norm

# Channels up to which fused attention is faster on a CPU: with it a SAGAN's iteration takes 0.84 of the time at width
# 16 and 0.97 at 24; a generator alone takes 1.22 at 64.
FUSED = 32


class Generator(nn.Module):
    """Generates images from noise; 3,832,885 parameters at width 64 and z 128.

    Args:
        width: channels of the last feature map; the first has 8 times as many.
        z: length of the noise vector.
        spectral_norm: whether the first four convolutions have spectral norm.
    """

    def __init__(self, width: int = 64, z: int = 128, spectral_norm: bool = True) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, stride: int = 2, padding: int = 1) -> list[nn.Module]:
            convolution = with_spectral_norm(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding), spectral_norm)
            return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

        self.layers = nn.Sequential(
            *block(z, 8 * width, stride=1, padding=0),  # 4x4
            *block(8 * width, 4 * width),  # 8x8
            *block(4 * width, 2 * width),  # 16x16
            SelfAttention(2 * width, fused=2 * width <= FUSED),
            *block(2 * width, width),  # 32x32
            SelfAttention(width, fused=width <= FUSED),
            nn.ConvTranspose2d(width, 3, 4, 2, 1),  # 64x64
            nn.Tanh(),
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise (B, z) to images (B, 3, 64, 64) in [-1, 1]."""
        return self.layers(noise[:, :, None, None])


class Discriminator(nn.Module):
    """Discriminator and connector: maps each image to an unbounded score; 3,175,299 parameters at width 64.

    It has no batch norm, because the gradient penalty is defined for single images (Gulrajani et al. 2017).

    Args:
        width: channels of the first feature map; the last has 8 times as many.
        spectral_norm: whether the first four convolutions have spectral norm.
    """

    def __init__(self, width: int = 64, spectral_norm: bool = True) -> None:
        super().__init__()

        def block(inputs: int, outputs: int) -> list[nn.Module]:
            convolution = with_spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1), spectral_norm)
            return [convolution, nn.LeakyReLU(0.1, inplace=True)]

        self.layers = nn.Sequential(
            *block(3, width),  # 32x32
            *block(width, 2 * width),  # 16x16
            *block(2 * width, 4 * width),  # 8x8
            SelfAttention(4 * width),
            *block(4 * width, 8 * width),  # 4x4
            SelfAttention(8 * width),
            nn.Conv2d(8 * width, 1, 4),  # 1x1
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, 64, 64) to scores (B,)."""
        return self.layers(images).view(len(images))
