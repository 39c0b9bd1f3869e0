"""Networks that give logits and are not trained: a superior, a teacher, the student of the epoch before.

Choices:
    - [aikd, gip] Usual: frozen networks compute in float32. Here: so too, but bfloat16 is offered for their
      convolutions, and used at scales small and gpu (`frozen_precision`). Why: a step costs less; the logits of AI-KD's
      frozen networks move by about 0.2 % of their spread (root mean square; at most 2 %).
"""

import copy

import torch
from torch import Tensor, nn

from advkd.models import classifiers

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Frozen(nn.Module):
    """A copy of a classifier that gives logits without gradients, in channels-last layout.

    In bfloat16, convolutions compute in that precision, which is about twice as fast on devices that have it. Batch
    norm's statistics and the last layer stay in float32, since its rounding would show most in the logits. A GPU that
    only emulates bfloat16 computes in float32.

    Args:
        network: the classifier to copy.
        precision: "float32" or "bfloat16".
        mode: "eval", or "train" for batch norm with the batch's statistics.
    """

    def __init__(self, network: nn.Module, precision: str, mode: str = "eval") -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False).to(memory_format=torch.channels_last)
        self.network.train(mode == "train")
        on_gpu = next(network.parameters()).is_cuda
        emulated = on_gpu and not torch.cuda.is_bf16_supported(including_emulation=False)
        self.dtype = torch.float32 if emulated else DTYPES[precision]
        for module in self.network.modules():
            if isinstance(module, nn.Conv2d):
                module.to(self.dtype)
        classifiers.head(self.network).register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))

    def ready(self, images: Tensor) -> Tensor:
        """Convert images (B, 3, S, S) to the precision and layout of the copy."""
        return images.to(self.dtype, memory_format=torch.channels_last)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return logits, float32 (B, C), of images (B, 3, S, S)."""
        return self.network(self.ready(images))

    def follow(self, network: nn.Module) -> None:
        """Copy the present weights and statistics of `network`."""
        self.network.load_state_dict(network.state_dict())
