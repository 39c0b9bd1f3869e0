"""Building the classifiers, and what all of them have: a last linear layer, and the features before it."""

from torch import Tensor, nn

from advkd.models.densenet import densenet121, densenet121_cifar
from advkd.models.gantsc import Discriminator
from advkd.models.preact_resnet import PreActResNet18
from advkd.models.reactnet import ReActNet18
from advkd.models.resnet import resnet18
from advkd.models.resnet_cifar import ResNet
from advkd.models.settings import (
    AcGanDiscriminator,
    ImageNetNetwork,
    Network,
    PreActResNet18Settings,
    ReActNet18Settings,
    SmallDenseNet,
    SmallResNet,
    WideResNetSettings,
)
from advkd.models.wide_resnet import WideResNet


def build(network: Network, classes: int) -> nn.Module:
    """Return an untrained classifier on the CPU, which maps images (B, 3, S, S) to logits (B, classes).

    Its weights come from torch's global random state; none are ever downloaded.

    Args:
        network: the settings of one of the networks of `models.settings`.
        classes: number of classes C.
    """
    match network:
        case PreActResNet18Settings():
            return PreActResNet18(classes, network.width, network.preact)
        case SmallDenseNet():
            return densenet121_cifar(classes, network.width)
        case ImageNetNetwork(model="resnet18"):
            return resnet18(classes, network.width)
        case ImageNetNetwork():
            return densenet121(classes, network.width)
        case SmallResNet():
            return ResNet(network.depth, classes, network.width)
        case WideResNetSettings():
            return WideResNet(classes, network.width)
        case ReActNet18Settings():
            return ReActNet18(classes, network.width, network.binary, network.shortcut or "real")
        case AcGanDiscriminator():
            return Discriminator(classes, network.width)
    raise TypeError(f"{type(network).__name__} is no network's settings")


def head(model: nn.Module) -> nn.Linear:
    """Return a classifier's last linear layer."""
    *_, last = (module for module in model.modules() if isinstance(module, nn.Linear))
    return last


def logits_and_features(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits (B, C) of images (B, 3, S, S), and the features (B, F) that the last layer makes them from.

    One forward; both are part of its graph.
    """
    features: list[Tensor] = []
    with head(model).register_forward_pre_hook(lambda _, inputs: features.append(inputs[0])):
        logits: Tensor = model(images)
    return logits, features[0]
