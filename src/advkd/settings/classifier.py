"""What the settings of a classifier's run may be: data, views, network and recipe. The methods' own come with a paper.

`advkd.config` builds the values from layers; here stand their types, bounds and meaning. Training does not import
this module: it reads the resolved values from a run's `config.yaml`.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from advkd.settings.schema import Count, Fraction, Rate, RunSettings

Weight = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
# The backward of a 1x1 convolution with stride 2 and few channels writes past its memory (torch 2.15 on x86).
SAFE_WIDTH, SMALL = 16, 48
MIXING = ("mixup", "cutmix")


class ClassifierSettings(RunSettings):
    """A run that trains a classifier. A setting that does not apply is absent."""

    store_keys: ClassVar = (
        "dataset", "data", "classes", "train_per_class", "valid_per_class", "stored_size", "held_out", "data_seed",
        "made_per_class",
    )  # fmt: skip
    made_key: ClassVar = "made_per_class"
    loop: ClassVar = "classifier"

    dataset: str = Field(description="data set, a name of config/datasets.yaml or of `folders`")
    data: Literal["real", "made", "folder"] = Field(description="the archive, drawn on the spot, or the user's folder")
    classes: Annotated[int, Field(ge=2)] | None = Field(None, description="the first classes only; absent: all")
    train_per_class: Count | None = Field(None, description="the first training images of each class; absent: all")
    valid_per_class: Count | None = Field(None, description="the first evaluation images of each class; absent: all")
    stored_size: Annotated[int, Field(ge=8)] = Field(description="side of the square that images are stored in, pixels")
    held_out: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="fraction of a folder's images to evaluate on, where it has no split of its own (folder)"
    )
    data_seed: Annotated[int, Field(ge=0)] | None = Field(None, description="seed of that split (folder)")
    made_per_class: Annotated[int, Field(ge=4)] | None = Field(None, description="drawn images of a class (made)")

    image_size: Annotated[int, Field(ge=8)] = Field(description="side of what the network sees, pixels")
    crop: Literal["pad", "resized"] = Field(description="pad 4, crop, flip; or RandomResizedCrop and flip")
    normalisation: Literal["cifar10", "cifar100", "imagenet"] = Field(description="whose mean and standard deviation")
    augment: Literal["none", "cutout", "mixup", "cutmix"] = Field(description="regularisation of the training images")
    cutout_size: Count | None = Field(None, description="side of the square cut out, pixels (cutout)")
    mixup_alpha: Positive | None = Field(None, description="of the Beta law of the share (mixup)")
    cutmix_alpha: Positive | None = Field(None, description="of the Beta law of the share (cutmix)")
    cutmix_probability: Rate | None = Field(None, description="of mixing a batch (cutmix)")

    model: str = Field(description="network, of `models` in the paper's file")
    width: Annotated[int, Field(ge=8, multiple_of=4)] = Field(
        description="channels of the first map, in a wide network of the first stage"
    )
    preact: Literal["lineage", "textbook"] | None = Field(
        None, description="shortcut from the activated tensor, or from the input (preact_resnet18)"
    )

    batch: Annotated[int, Field(ge=2)] | None = Field(None, description="images a step; CS-KD adds as many partners")
    epochs: Count = Field(description="passes over the training images, or over the synthetic ones where only these")
    lr: Rate
    momentum: Fraction | None = Field(None, description="of SGD")
    nesterov: bool | None = Field(None, description="whether SGD's momentum is Nesterov's")
    weight_decay: Weight
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] | None = Field(
        None, description="where the learning rate falls, as fractions of the epochs"
    )
    lr_factor: Rate | None = Field(None, description="factor of the learning rate at a milestone")
    precision: Literal["float32", "bfloat16"] = Field(description="of the student's forward and backward")
    frozen_precision: Literal["float32", "bfloat16"] | None = Field(None, description="of networks not trained")

    seed: Annotated[int, Field(ge=0)]
    seed_offset: Annotated[int, Field(ge=0)] = Field(
        description="added to the seed: a student starts and sees its images otherwise than its superior of that seed"
    )

    @model_validator(mode="after")
    def _agree_on_views(self) -> Self:
        if self.crop == "pad" and self.image_size != self.stored_size:
            raise ValueError(f"image_size is {self.image_size}: crop `pad` sees what is stored ({self.stored_size})")
        if self.width < SAFE_WIDTH and self.image_size >= SMALL:
            raise ValueError(
                f"width is {self.width} for images of {self.image_size} pixels: on a CPU torch's channels-last"
                f" convolutions crash below width {SAFE_WIDTH} from {SMALL} pixels on"
            )
        if self.nesterov and self.momentum == 0:
            raise ValueError("momentum is 0: Nesterov's needs some, or set nesterov to false")
        if self.cutout_size and self.cutout_size > self.image_size:
            raise ValueError(f"cutout_size is {self.cutout_size}, larger than the image ({self.image_size})")
        return self


# What the images are: a run shares it with all that it learns from.
IMAGES = frozenset((*ClassifierSettings.store_keys, "image_size", "crop", "normalisation"))
VIEW_NEEDS = {
    "held_out": (("data", ("folder",)),),
    "data_seed": (("data", ("folder",)),),
    "made_per_class": (("data", ("made",)),),
    "cutout_size": (("augment", ("cutout",)),),
    "mixup_alpha": (("augment", ("mixup",)),),
    "cutmix_alpha": (("augment", ("cutmix",)),),
    "cutmix_probability": (("augment", ("cutmix",)),),
    "preact": (("model", ("preact_resnet18",)),),
}
