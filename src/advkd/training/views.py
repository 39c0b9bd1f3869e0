"""Makes the images that a network sees from the stored ones: augmented training batches, and evaluation images.

Batches are cropped, flipped, resized and normalised as tensors on the device, from uint8 pixels that stay there. All
random numbers are drawn on the CPU from the caller's generator. So a step's views follow from its seed and are the same
on every device. The kinds of crop correspond to torchvision's transforms:

    pad         RandomCrop(S, padding=4), RandomHorizontalFlip. The pixels are the same.
    resized     RandomResizedCrop(S), RandomHorizontalFlip. The boxes have the same distribution. The pixels are the
                same up to rounding to 8 bits if images are stored in their own size. Otherwise they are resized twice,
                the first time by the store.
    flip        Resize(S), RandomHorizontalFlip, of the stored square.
    whole       Resize(S), of the stored square.

With `lighting`, the colours of a training image are shifted along the principal components of ImageNet's colours
(Krizhevsky et al., 2012). Each shift is a normally distributed number, times `lighting`, times the component's
eigenvalue. It comes before normalisation and is not rounded. Before it come colour jitter or RandAugment (policies.py).

For evaluation, `pad` shows the stored image, and `flip` and `whole` show it resized to S. `resized` shows
Resize(8/7 S) and CenterCrop(S) for S of 64 pixels or more, and otherwise the whole image resized to S, as CS-KD
evaluates Tiny-ImageNet.

Choices:
    - [aikd: section 4.2] Printed: "random crop after padding" for every data set. Here: so on CIFAR; RandomResizedCrop
      on the others (`crop`). Why: photos of different sizes cannot be padded and cropped to 224 pixels; CS-KD's code,
      whose numbers agree with the table's, does this.
    - [aikd: section 4.1] Printed: Tiny-ImageNet, no size named. Here: seen at 32x32 by RandomResizedCrop(32)
      (`image_size`). Why: CS-KD's code does so, and the network pools a 4x4 map; 64 works too.
    - [gip] Open: how much "lighting". Here: PCA noise with the usual standard deviation, on colours in [0, 1] before
      normalisation, with ImageNet's components (`lighting`); a variant without lighting changes the student, not its
      teacher.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from advkd.data.store import Store
from advkd.models.normalisation import NORMALISATIONS
from advkd.settings.classifier import ColourJitter, Mixing, RandAugment
from advkd.settings.classifier import Views as ViewSettings
from advkd.training import boxes, policies
from advkd.training.resampling import LARGE, resample, resample_one_by_one

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
        policy: how training images are augmented; only colour jitter and RandAugment are read here.

    Attributes:
        labels: int64 (N,), of the training images, on the device.
        held_out_labels: int64 (M,), of the evaluation images, on the device.
    """

    def __init__(
        self,
        store: Store,
        settings: ViewSettings,
        lighting: float,
        device: torch.device,
        policy: Mixing | None = None,
    ) -> None:
        self.settings, self.lighting, self.store, self.device = settings, lighting, store, device
        self.policy = policy if isinstance(policy, ColourJitter | RandAugment) else None
        self.labels = torch.from_numpy(np.array(store.labels)).to(device)
        self.held_out_labels = torch.from_numpy(np.array(store.held_out_labels)).to(device)
        self._images, self._held_out = _Images(store.images, device), _Images(store.held_out, device)
        # Both are as long as a row of pixels: torch adds a row to rows several times faster than 3 numbers to triples.
        mean, std = NORMALISATIONS[settings.normalisation]
        self._mean = (255 * torch.tensor(mean)).repeat(settings.image_size, 1).to(device)
        self._factor = (1 / (255 * torch.tensor(std))).repeat(settings.image_size, 1).to(device)

    def training(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return augmented, normalised training images, float32 (B, 3, S, S) in channels-last layout.

        Args:
            index: int64 (B,) on the CPU, the images' places in the store.
            generator: of the CPU; the only source of random numbers.
        """
        flip = torch.rand(len(index), generator=generator) < 0.5
        if self.settings.crop == "pad":
            down, right = torch.randint(2 * PADDING + 1, (2, len(index)), generator=generator)
            pixels = shifted(self._images[index], *self._on_device(down, right, flip)).float()
        elif self.settings.crop == "resized":
            sizes = torch.from_numpy(sizes_of(self.store.sizes)[index.numpy()])
            pixels = self._resized(index, boxes.random_resized(sizes, generator), flip)
        else:
            flip &= self.settings.crop == "flip"
            pixels = self._resized(index, boxes.whole(len(index)), flip)
        if self.policy:
            pixels = policies.augmented(pixels, self.policy, generator)
        if self.lighting:
            pixels += lighting(len(index), self.lighting, generator).to(self.device, non_blocking=True)[:, None, None]
        return self._normalised(pixels)

    def evaluation(self, batch: int) -> Iterator[Tensor]:
        """Yield the normalised evaluation images in order, float32 (b, 3, S, S), channels last, `batch` at a time."""
        for index in torch.arange(len(self.held_out_labels)).split(batch):
            sizes = None if self.store.held_out_sizes is None else self.store.held_out_sizes[index.numpy()]
            yield self._normalised(evaluated(self._held_out[index], sizes, self.settings))

    def _resized(self, index: Tensor, places: Tensor, flip: Tensor) -> Tensor:
        size, stored = self.settings.image_size, self.store.images
        if self.device.type == "cpu" and math.prod(stored.shape[1:3]) >= LARGE:
            return resample_one_by_one(stored, index, places, flip, size)
        places, flip = self._on_device(places, flip)
        return resample(self._images[index], places, flip, size)

    def _on_device(self, *tensors: Tensor) -> list[Tensor]:
        return [tensor.to(self.device, non_blocking=True) for tensor in tensors]

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Return float32 pixels (B, S, S, 3) in [0, 255], which are overwritten, as normalised (B, 3, S, S)."""
        return pixels.sub_(self._mean).mul_(self._factor).permute(0, 3, 1, 2)


def evaluated(images: Tensor, sizes: np.ndarray | None, settings: ViewSettings) -> Tensor:
    """Return what a network sees of stored images in evaluation, before normalisation.

    Args:
        images: uint8 (B, H, W, 3), as the store holds them.
        sizes: int (B, 2), width and height of the original images in pixels; only read where a centre is cut out.
        settings: size and crop of the views.

    Returns:
        float32 (B, S, S, 3) in [0, 255], on the images' device.
    """
    if settings.crop == "pad":
        return images.float()
    if settings.crop != "resized" or settings.image_size < CENTRED_FROM:
        places = boxes.whole(len(images))
    else:
        places = boxes.centre(torch.from_numpy(sizes_of(sizes)), CENTRE)
    places = places.to(images.device, non_blocking=True)
    no_flip = torch.zeros(len(images), dtype=torch.bool, device=images.device)
    return resample(images, places, no_flip, settings.image_size)


def sizes_of(sizes: np.ndarray | None) -> np.ndarray:
    """Return the original sizes of a store's images; raises ValueError where it has none, as CIFAR's."""
    if sizes is None:
        raise ValueError("the store has no sizes of the original images: crop must be `pad`")
    return sizes


def lighting(count: int, std: float, generator: torch.Generator) -> Tensor:
    """Draw one colour shift for each of `count` images; return them in steps of 1/255, float32 (count, 3)."""
    along = std * torch.randn(count, 3, generator=generator) * torch.tensor(EIGENVALUES)
    return 255 * along @ torch.tensor(EIGENVECTORS).T


def shifted(images: Tensor, down: Tensor, right: Tensor, flip: Tensor) -> Tensor:
    """Pad images with PADDING black pixels on every side and crop them to their size; return uint8 (B, S, S, 3).

    Whole rows are picked first. Then one gather picks the columns of all rows, three values each.

    Args:
        images: uint8 (B, S, S, 3).
        down: int64 (B,), first row of the crop in the padded image.
        right: int64 (B,), first column of the crop.
        flip: bool (B,), whether to flip the crop left to right.
    """
    batch, side = images.shape[:2]
    padded = F.pad(images, (0, 0, PADDING, PADDING, PADDING, PADDING)).flatten(0, 1).flatten(1)
    span, number = torch.arange(side, device=images.device), torch.arange(batch, device=images.device)
    row = (side + 2 * PADDING) * number[:, None] + down[:, None] + span
    column = right[:, None] + torch.where(flip[:, None], side - 1 - span, span)
    value = 3 * column[:, :, None] + torch.arange(3, device=images.device)
    rows = padded.index_select(0, row.flatten()).view(batch, side, -1)
    return rows.gather(2, value.view(batch, 1, -1).expand(-1, side, -1)).view(images.shape)


class _Images:
    """uint8 images (N, H, W, 3). They stay on a GPU if half of its free memory holds all; otherwise on the disk."""

    def __init__(self, array: np.ndarray, device: torch.device) -> None:
        self.array, self.device, self.resident = array, device, None
        if device.type == "cuda" and array.nbytes <= torch.cuda.mem_get_info(device)[0] / 2:
            self.resident = torch.empty(array.shape, dtype=torch.uint8, device=device)
            for start in range(0, len(array), COPIED):
                self.resident[start : start + COPIED] = torch.from_numpy(np.array(array[start : start + COPIED]))

    def __getitem__(self, index: Tensor) -> Tensor:
        """Return the images at `index`, int64 (B,) on the CPU, on the device."""
        if self.resident is not None:
            return self.resident[index.to(self.device, non_blocking=True)]
        return torch.from_numpy(self.array[index.numpy()]).to(self.device, non_blocking=True)
