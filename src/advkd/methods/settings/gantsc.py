"""The settings of GAN-TSC (Liu, Fusi, Mackey, 2018), which GIP compares with in Table 3, and of its GAN."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from advkd.bounds import Count, Fraction, Rate, Share
from advkd.methods.settings.base import MethodSettings, WithTeacher


@dataclass(frozen=True, kw_only=True)
class GanTscSettings(WithTeacher):
    """GAN-TSC, as its public code sets it."""

    papers: ClassVar = ("gip",)
    implementation: ClassVar = "advkd.methods.gantsc:GanTsc"

    method: Literal["gantsc"] = "gantsc"
    gan: Literal["acgan"] = "acgan"  # network of the GAN that draws images: the run of the same seed
    fake_share: Share = 0.8  # p_fake, the probability that a batch is drawn by the GAN


@dataclass(frozen=True, kw_only=True)
class GanTscGanSettings(MethodSettings):
    """The AC-GAN that GAN-TSC draws images from. The recipe is not published; these are DCGAN's values."""

    papers: ClassVar = ("gip",)
    implementation: ClassVar = "advkd.methods.gantsc_gan:GanTscGan"

    method: Literal["acgan"] = "acgan"
    noise: Count = 100  # length of the generator's noise vector
    generator_lr: Rate = 2e-4  # learning rate of the generator's Adam
    generator_beta1: Fraction = 0.5  # of the generator's Adam
    generator_beta2: Fraction = 0.999  # of the generator's Adam
