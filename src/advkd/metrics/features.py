"""Extracts Inception features from uint8 images; they equal those of pytorch-fid for PNG files of the same pixels."""

import numpy as np
import torch
from torch import nn

from advkd.errors import UserError
from advkd.progress import Progress


def extract(network: nn.Module, images: np.ndarray, batch: int, device: torch.device | str, label: str) -> np.ndarray:
    """Return the float32 features (N, d) of images; a map of several positions is averaged over them.

    Reals and fakes take the same path: 8-bit pixels, divided by 255.

    Args:
        network: maps (B, 3, H, W) in [0, 1] to a list whose first entry is a map (B, d, h, w).
        images: uint8 (N, H, W, 3).
        batch: images per forward.
        device: where the network runs.
        label: what the progress line and an error call the images.

    Raises:
        UserError: images of another shape or type.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise UserError(f"{label}: images are {images.dtype} of shape {images.shape}, not uint8 (N, H, W, 3)")
    # channels_last takes 0.7 of the time on a CPU.
    network = network.to(device).to(memory_format=torch.channels_last)
    progress = Progress(label, len(images), "image")
    features = []
    # Without TF32, so that the features are the same on every machine up to rounding.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for start in range(0, len(images), batch):
            pixels = torch.from_numpy(np.array(images[start : start + batch])).to(device)
            maps = network(pixels.permute(0, 3, 1, 2).float().div_(255))[0]
            features.append(maps.mean(dim=(2, 3)).cpu().numpy())
            progress.update(min(start + batch, len(images)))
    progress.close()
    return np.concatenate(features)
