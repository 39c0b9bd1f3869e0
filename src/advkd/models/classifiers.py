"""The classifiers by name, and what every one of them has: a last linear layer, and features before it."""

from types import SimpleNamespace

from torch import Tensor, nn

from advkd.errors import UserError
from advkd.models.densenet import densenet121, densenet121_cifar
from advkd.models.gantsc import Discriminator
from advkd.models.preact_resnet import PreActResNet18
from advkd.models.reactnet import ReActNet18
from advkd.models.resnet import resnet18
from advkd.models.resnet_cifar import ResNet
from advkd.models.wide_resnet import WideResNet


def build(s: SimpleNamespace, classes: int) -> nn.Module:
    """Return the untrained classifier `s.model` of `s.width` for a number of classes, on the CPU.

    `stem` cifar gives ResNets for small images.

    Its weights come from torch's global random state; none are ever downloaded. It maps images (B, 3, S, S) to logits
    (B, classes).

    Raises:
        UserError: there is no network of that name.
    """
    match s.model:
        case "resnet18" | "resnet34" if getattr(s, "stem", None) == "cifar":
            return ResNet(int(s.model.removeprefix("resnet")), classes, s.width)
        case "wrn28_10":
            return WideResNet(classes, s.width)
        case "reactnet18":
            return ReActNet18(classes, s.width, s.binary, getattr(s, "shortcut", "real"))
        case "acgan":
            return Discriminator(classes, s.width)
        case "preact_resnet18":
            return PreActResNet18(classes, s.width, s.preact)
        case "densenet121_cifar":
            return densenet121_cifar(classes, s.width)
        case "resnet18":
            return resnet18(classes, s.width)
        case "densenet121":
            return densenet121(classes, s.width)
    raise UserError(f"no classifier is called {s.model!r}: the `models` of config/aikd.yaml and config/gip.yaml are")


def head(model: nn.Module) -> nn.Linear:
    """Return a classifier's last linear layer."""
    *_, last = (module for module in model.modules() if isinstance(module, nn.Linear))
    return last


def logits_and_features(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (B, C) of images (B, 3, S, S) and the features (B, F) that the last layer makes them from.

    One forward; both are part of its graph.
    """
    features: list[Tensor] = []
    with head(model).register_forward_pre_hook(lambda _, inputs: features.append(inputs[0])):
        logits = model(images)
    return logits, features[0]
