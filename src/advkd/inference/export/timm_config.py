"""What timm needs in config.json to make a network that it knows and give it these weights."""

from typing import Any

from advkd.inference.classifier import Classifier
from advkd.inference.export.view import kind_of
from advkd.models import classifiers
from advkd.models.normalisation import NORMALISATIONS
from advkd.models.settings import ImageNetDenseNet121, ImageNetResNet18
from advkd.training.views import CENTRE

# The networks whose weights have the same names and shapes in timm and in torchvision, with their name there, the name
# of their first and of their last layer. At another width than theirs there is none.
KNOWN = {
    ImageNetResNet18: ("resnet18", "conv1", "fc"),
    ImageNetDenseNet121: ("densenet121", "features.conv0", "classifier"),
}
WIDTH = 64


def architecture(model: Classifier) -> str | None:
    """Return the name that timm and torchvision have for a classifier's network; None where they have none."""
    network = model.description.classifier.network
    known = KNOWN.get(type(network))
    return known[0] if known and network.width == WIDTH else None


def timm_config(model: Classifier) -> dict[str, Any]:
    """Return the keys of config.json that timm reads; none where it has no such network."""
    name = architecture(model)
    if name is None:
        return {}
    _, first, last = KNOWN[type(model.description.classifier.network)]
    side = model.transform.views.image_size
    mean, std = NORMALISATIONS[model.transform.views.normalisation]
    return {
        "architecture": name,
        "num_classes": len(model.classes),
        "num_features": classifiers.head(model.network).in_features,
        "label_names": list(model.classes),
        "pretrained_cfg": {
            "input_size": [3, side, side],
            "interpolation": "bilinear",
            "crop_pct": CENTRE if kind_of(model.transform) == "centre" else 1.0,
            "mean": list(mean),
            "std": list(std),
            "first_conv": first,
            "classifier": last,
            "num_classes": len(model.classes),
        },
    }
