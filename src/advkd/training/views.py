"""What a network sees of the stored images: augmented batches to train on, and the evaluation images.

Batches are cut, mirrored, resized and normalised as tensors, on the device, from uint8 pixels that stay there. Every
random number is drawn on the CPU from the generator that the caller hands over, so a step's views follow from its
seed and are the same on every device. Compared with torchvision's transforms:

    pad         RandomCrop(S, padding=4), RandomHorizontalFlip: the same pixels.
    resized     RandomResizedCrop(S), RandomHorizontalFlip: boxes of the same law. Pixels are the same, but for
                rounding to 8 bits, where images are stored as they are; where they were squashed to the stored size
                first, a view was resized twice.

With `lighting`, a training image's colours are shifted along the principal components of ImageNet's (Krizhevsky et al.,
2012), each by a normal number of that standard deviation times its eigenvalue; before normalisation and unrounded.

Evaluation shows the stored image (pad); Resize(8/7 S), CenterCrop(S) from 64 pixels on; and below, the whole image
resized to S, as CS-KD evaluates Tiny-ImageNet.

Choices:
    - [aikd: section 4.2] Printed: "random crop after padding" for every data set. Here: so on CIFAR; RandomResizedCrop
      on the others (`crop`). Why: 224-pixel sets cannot be padded crops; CS-KD's code, whose numbers the table's agree
      with, does this.
    - [aikd: section 4.1] Printed: Tiny-ImageNet, no size named. Here: seen at 32x32 by RandomResizedCrop(32)
      (`image_size`). Why: CS-KD's code does so, and the network pools a 4x4 map; 64 works too.
    - [gip] Open: how much "lighting". Here: PCA noise with the usual standard deviation, on colours in [0, 1] before
      normalisation, ImageNet's components (`lighting`); where a variant goes without, the student does, its teacher
      not.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from advkd.data.store import Store
from advkd.models.normalisation import NORMALISATIONS
from advkd.settings.classifier import Views as ViewSettings
from advkd.training import boxes
from advkd.training.resampling import resample

PADDING = 4
CENTRED_FROM, CENTRE = 64, 224 / 256
# Of colours in [0, 1], as AlexNet's reimplementations have them: eigenvalues, and eigenvectors in columns.
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
COPIED = 1024  # images at a time to a GPU


class Views:
    """The views of a store's images that a run's settings ask for.

    Args:
        store: an opened store; with `crop` resized, one with sizes.
        settings: size, crop and normalisation of the views.
        lighting: standard deviation of the PCA colour noise on training views; 0: none.
        device: where views are made and stay.

    Attributes:
        labels: int64 (N,), of the training images, on the device.
        held_out_labels: int64 (M,), of the evaluation images, on the device.
    """

    def __init__(self, store: Store, settings: ViewSettings, lighting: float, device: torch.device) -> None:
        self.settings, self.lighting, self.store, self.device = settings, lighting, store, device
        self.labels, self.held_out_labels = (
            torch.from_numpy(np.array(labels)).to(device) for labels in (store.labels, store.held_out_labels)
        )
        self._images, self._held_out = _Images(store.images, device), _Images(store.held_out, device)
        # A row of pixels long, since adding 3 numbers to every 3 takes several times as long as adding a row to rows.
        mean, std = (255 * torch.tensor(values) for values in NORMALISATIONS[settings.normalisation])
        self._mean, self._factor = (values.repeat(settings.image_size, 1).to(device) for values in (mean, 1 / std))

    def training(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return augmented images, normalised, float32 (B, 3, S, S), channels last, for int64 index (B,) on the CPU."""
        images = self._images[index]
        flip = torch.rand(len(index), generator=generator) < 0.5
        if self.settings.crop == "pad":
            down, right = torch.randint(2 * PADDING + 1, (2, len(index)), generator=generator)
            pixels = shifted(images, *self._here(down, right, flip)).float()
        else:
            places = boxes.random_resized(torch.from_numpy(self.store.sizes[index.numpy()]), generator)
            pixels = resample(images, *self._here(places, flip), self.settings.image_size)
        if self.lighting:
            pixels += lighting(len(index), self.lighting, generator).to(self.device, non_blocking=True)[:, None, None]
        return self._normalised(pixels)

    def evaluation(self, batch: int) -> Iterator[Tensor]:
        """Yield the evaluation images in order, normalised, float32 (b, 3, S, S), channels last, `batch` at a time."""
        for index in torch.arange(len(self.held_out_labels)).split(batch):
            images = self._held_out[index]
            if self.settings.crop == "pad":
                yield self._normalised(images.float())
            else:
                places, flip = self._evaluated(index), torch.zeros(len(index), dtype=torch.bool)
                yield self._normalised(resample(images, *self._here(places, flip), self.settings.image_size))

    def _evaluated(self, index: Tensor) -> Tensor:
        if self.settings.image_size < CENTRED_FROM:
            return boxes.whole(len(index))
        return boxes.centre(torch.from_numpy(self.store.held_out_sizes[index.numpy()]), CENTRE)

    def _here(self, *tensors: Tensor) -> list[Tensor]:
        return [tensor.to(self.device, non_blocking=True) for tensor in tensors]

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Return float32 pixels (B, S, S, 3) in [0, 255], which are overwritten, as normalised (B, 3, S, S)."""
        return pixels.sub_(self._mean).mul_(self._factor).permute(0, 3, 1, 2)


def lighting(count: int, std: float, generator: torch.Generator) -> Tensor:
    """Return colours to add to as many images, in steps of 1 / 255, float32 (count, 3)."""
    along = std * torch.randn(count, 3, generator=generator) * torch.tensor(EIGENVALUES)
    return 255 * along @ torch.tensor(EIGENVECTORS).T


def shifted(images: Tensor, down: Tensor, right: Tensor, flip: Tensor) -> Tensor:
    """Return images cut from themselves padded with PADDING black pixels on every side, uint8 (B, S, S, 3).

    Whole rows are picked first, then one gather picks the columns of all of them, three values each.

    Args:
        images: uint8 (B, S, S, 3).
        down: int64 (B,), the first row of the cut in the padded image.
        right: int64 (B,), its first column.
        flip: bool (B,): mirror left and right after the cut.
    """
    batch, side = images.shape[:2]
    padded = F.pad(images, (0, 0, PADDING, PADDING, PADDING, PADDING)).flatten(0, 1).flatten(1)
    span, number = (torch.arange(count, device=images.device) for count in (side, batch))
    row = (side + 2 * PADDING) * number[:, None] + down[:, None] + span
    column = right[:, None] + torch.where(flip[:, None], side - 1 - span, span)
    value = 3 * column[:, :, None] + torch.arange(3, device=images.device)
    rows = padded.index_select(0, row.flatten()).view(batch, side, -1)
    return rows.gather(2, value.view(batch, 1, -1).expand(-1, side, -1)).view(images.shape)


class _Images:
    """uint8 images (N, H, W, 3): on a GPU all of them if half of its free memory holds them, else mapped from disk."""

    def __init__(self, array: np.ndarray, device: torch.device) -> None:
        self.array, self.device, self.resident = array, device, None
        if device.type == "cuda" and array.nbytes <= torch.cuda.mem_get_info(device)[0] / 2:
            self.resident = torch.empty(array.shape, dtype=torch.uint8, device=device)
            for start in range(0, len(array), COPIED):
                self.resident[start : start + COPIED] = torch.from_numpy(np.array(array[start : start + COPIED]))

    def __getitem__(self, index: Tensor) -> Tensor:
        """Return the images int64 index (B,), a CPU tensor, on the device."""
        if self.resident is not None:
            return self.resident[index.to(self.device, non_blocking=True)]
        return torch.from_numpy(self.array[index.numpy()]).to(self.device, non_blocking=True)
