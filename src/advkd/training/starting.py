"""Transfer: a network begins with the weights of a trained one, all but those of its last layer.

The last layer stays as it was drawn, also where both have as many classes: nothing says that these are the same, in the
same order.

Choices:
    - [aikd] Added: a run may start from the weights of a trained network (`start`). The superior and its student both
      do, each with a last layer of its own. Why: otherwise the student would learn from a network that has seen more
      images than itself, and its gain over the Baseline would be transfer's, not distillation's.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from advkd.errors import UserError
from advkd.models import classifiers
from advkd.progress import say


def take_over(network: nn.Module, weights: Mapping[str, Tensor], place: str, kind: str) -> None:
    """Give a network the weights of a trained one, all but those of the last layer, which stay as they are.

    Args:
        network: as it was drawn; on any device.
        weights: the trained network's tensors by name, with or without a last layer, for any number of classes.
        place: where these come from, for messages.
        kind: what the network is called, for messages.

    Raises:
        UserError: another tensor is missing, left over, of another shape, or not finite.
    """
    own = network.state_dict()
    last = classifiers.head(network)
    head = next(name for name, module in network.named_modules() if module is last)
    needed = {name: tensor for name, tensor in own.items() if not name.startswith(f"{head}.")}
    given = {name: tensor for name, tensor in weights.items() if not name.startswith(f"{head}.")}
    remedy = "start from a network of the same architecture and width"
    for name in (*needed, *given):
        if name not in given or name not in needed:
            more = "lacks" if name not in given else "has beside it"
            raise UserError(f"{place} does not fit {kind}: it {more} {name}; {remedy}")
        here, there = (list(of[name].shape) for of in (needed, given))
        if here != there:
            raise UserError(f"{place} does not fit {kind}: {name} is {there}, here {here}; {remedy}")
        if not torch.isfinite(given[name]).all():
            raise UserError(f"{place} has values in {name} that are not finite: start from another network")
    network.load_state_dict({**own, **given})
    classes = last.out_features
    say(f"starts from {place}: {len(given)} tensors; the last layer is drawn anew, for {classes} classes")
