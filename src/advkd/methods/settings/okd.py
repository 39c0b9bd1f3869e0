"""The settings of OKD-SAGAN and OKD-ACGAN (Guo, Wang, Feng; CSAE 2021): the base GAN, and the sets of GANs."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from advkd.bounds import Bounds, Count, Fraction, Rate, Weight
from advkd.methods.settings.base import MethodSettings
from advkd.schema import Settings


@dataclass(frozen=True, kw_only=True)
class BaseGan(Settings):
    """What both base GANs have."""

    model: str
    width: Annotated[int, Bounds(ge=8, multiple_of=8)]  # channels of D's first map (sagan) or G's (acgan)
    z: Count  # length of the noise vector


@dataclass(frozen=True, kw_only=True)
class SaganSettings(BaseGan):
    """SAGAN with WGAN-GP."""

    model: Literal["sagan"]
    spectral_norm: bool  # whether G, D and C are spectrally normalised
    gp_weight: Weight  # lambda of Eqs. 5 to 8
    penalty: Literal["joint", "split"]  # the gradient penalty in the critic's step, or in a step of its own


@dataclass(frozen=True, kw_only=True)
class AcganSettings(BaseGan):
    """ACGAN."""

    model: Literal["acgan"]
    dropout: Fraction  # probability that D drops a feature map's channel
    aux_weight: Weight  # weight of the class loss beside the source loss


@dataclass(frozen=True, kw_only=True)
class GanAdam(Settings):
    """Adam of generators and discriminators."""

    lr_generator: Rate  # learning rate of the generators
    lr_discriminator: Rate  # learning rate of the discriminators
    beta1: Fraction  # of every Adam, the connectors' too
    beta2: Fraction


@dataclass(frozen=True, kw_only=True)
class SetsSettings(MethodSettings):
    """What a lone GAN and connected sets share."""

    papers: ClassVar = ("okd",)
    implementation: ClassVar = "advkd.methods.okd:GanEnsemble"

    sets: Count  # number N of generators, each with its discriminator
    # Whether all sets see the same noise vectors in an iteration. Eqs. 8 and 9 pair the images of one z.
    shared_z: bool = True


@dataclass(frozen=True, kw_only=True)
class SingleSettings(SetsSettings):
    """One GAN alone, the paper's baseline."""

    method: Literal["single"] = "single"
    sets: Count = 1

    def check(self) -> None:
        """Refuse several sets."""
        if self.sets != 1:
            raise ValueError(f"sets is {self.sets}, but `single` is one set (several sets are the method `okd`)")


@dataclass(frozen=True, kw_only=True)
class OkdSettings(SetsSettings):
    """Sets that are connected in a ring."""

    method: Literal["okd"] = "okd"
    sets: Count = 3  # "the number of SAGAN is 3"
    rho: Weight = 1.0  # weight of the connector's term in Eq. 7; the paper gives none
    lr_connector: Rate = 5e-5  # learning rate of the connectors' Adam

    def check(self) -> None:
        """Refuse a ring of one."""
        if self.sets < 2:
            raise ValueError(f"sets is {self.sets}, but okd connects at least 2 (one set alone is the method `single`)")
