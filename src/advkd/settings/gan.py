"""What the settings of a run of the GAN paper may be: one flat, validated namespace.

`advkd.config` builds the values from layers; here stand their types, bounds and meaning. Training does not import
this module: it reads the resolved values from a run's `config.yaml`.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from advkd.settings.schema import Count, Fraction, Rate, RunSettings


class GanSettings(RunSettings):
    """A run of the GAN paper (OKD-SAGAN, OKD-ACGAN). A setting that does not apply to the model or method is absent."""

    store_keys: ClassVar = (
        "dataset", "data", "crops", "crop", "image_size", "held_out", "held_out_crops", "windows_per_image",
        "data_seed", "made_photos",
    )  # fmt: skip
    made_key: ClassVar = "made_photos"
    loop: ClassVar = "gan"
    needs: ClassVar = {
        "rho": (("method", ("okd",)),),
        "lr_connector": (("method", ("okd",)),),
        "spectral_norm": (("model", ("sagan",)),),
        "gp_weight": (("model", ("sagan",)),),
        "penalty": (("model", ("sagan",)),),
        "dropout": (("model", ("acgan",)),),
        "aux_weight": (("model", ("acgan",)),),
        "made_photos": (("data", ("made",)),),
    }

    dataset: str = Field(description="data set, a name of config/datasets.yaml or of `folders`")
    data: Literal["real", "made", "folder"] = Field(description="the archive, drawn on the spot, or the user's folder")
    crops: Annotated[int, Field(ge=0)] = Field(description="training crops; 0 (folders only): one an image")
    crop: Literal["window", "resized"] = Field(description="pixels as photographed, or a random square resized")
    image_size: Literal[64] = Field(description="side of a crop, pixels; the networks are made for 64")
    held_out: Fraction = Field(description="fraction of the photos set aside for held-out crops")
    held_out_crops: Annotated[int, Field(ge=0)] = Field(description="crops drawn from the photos set aside")
    windows_per_image: Count = Field(description="crops of one image, in a folder of images")
    data_seed: Annotated[int, Field(ge=0)] = Field(description="seed of the split and of the crops")
    made_photos: Annotated[int, Field(ge=10)] | None = Field(None, description="photos drawn where data is `made`")

    model: Literal["sagan", "acgan"]
    width: Annotated[int, Field(ge=8, multiple_of=8)] = Field(
        description="channels of the discriminator's (sagan) or generator's (acgan) first map"
    )
    z: Count = Field(description="length of the noise vector")
    spectral_norm: bool | None = Field(None, description="spectral normalisation in G, D and C (sagan)")
    dropout: Fraction | None = Field(None, description="of the discriminator's feature maps (acgan)")

    method: Literal["single", "okd"]
    sets: Count = Field(description="number N of generators, each with its discriminator")
    rho: Annotated[float, Field(ge=0)] | None = Field(None, description="weight of the connector's term, Eq. 7 (okd)")
    shared_z: bool = Field(description="one noise vector for all sets in an iteration")
    gp_weight: Annotated[float, Field(ge=0)] | None = Field(None, description="lambda of Eqs. 5-8 (sagan)")
    penalty: Literal["joint", "split"] | None = Field(None, description="gradient penalty in the same step or its own")
    aux_weight: Annotated[float, Field(ge=0)] | None = Field(None, description="weight of the class loss (acgan)")

    batch: Annotated[int, Field(ge=2)] = Field(description="images a step; batch norm needs two")
    iterations: Count = Field(description="steps of each network")
    early_iteration: Annotated[int, Field(ge=0)] = Field(description="step whose samples are evaluated too; 0: none")
    lr_generator: Rate
    lr_discriminator: Rate
    lr_connector: Rate | None = Field(None, description="(okd)")
    beta1: Fraction
    beta2: Fraction

    fakes: Annotated[int, Field(ge=4)] = Field(description="images of each generator for FID and KID")
    inception: Literal["official", "random"] = Field(description="weights of the feature network")
    features: Literal[64, 192, 768, 2048] = Field(description="feature dimensions; 2048 is FID")
    curve_points: Annotated[int, Field(ge=0)] = Field(description="moments of training at which sets are compared")
    curve_fakes: Annotated[int, Field(ge=2)] = Field(description="images of each generator at such a moment")

    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.method == "okd" and self.sets < 2:
            raise ValueError(f"sets is {self.sets}, but okd connects at least 2 (one set alone is the method `single`)")
        if self.method == "single" and self.sets != 1:
            raise ValueError(f"sets is {self.sets}, but `single` is one set (several sets are the method `okd`)")
        if 0 < self.crops < self.batch:
            raise ValueError(f"batch is {self.batch}, larger than the data set of {self.crops} crops")
        if self.early_iteration >= self.iterations:
            raise ValueError(f"early_iteration is {self.early_iteration}, not before the end ({self.iterations})")
        return self
