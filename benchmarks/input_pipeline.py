"""Compares augmented batches from the uint8 store with torchvision's transforms in a DataLoader, on one thread.

    python benchmarks/input_pipeline.py [--rounds 7]

    32      CIFAR: RandomCrop(32, padding=4), flip, ToTensor, Normalize of PIL images made from an array, batches of 128
    224     fine-grained sets: JPEGs of 500x375 from an ImageFolder, decoded, RandomResizedCrop(224), flip, ToTensor,
            Normalize, batches of 32; ours reads them from a store of 512x512, whose preparation is not timed

The two take turns, both in this process: a loader's workers add cores, not speed of each. A round is one pass over the
images; medians of CPU time are compared. The images are made in a temporary folder: noise for 32 pixels, windows of two
photos of scikit-learn for 224 pixels.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from timing import medians, prepare
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from advkd.data.store import Store
from advkd.settings.classifier import Views as ViewSettings
from advkd.training.views import NORMALISATIONS, Views

SMALL, LARGE = (6_400, 128), (320, 32)  # images of a round, and of a batch
PHOTO, STORED = (500, 375), 512


class Pictures(Dataset):
    """An array of images, as a data set like torchvision's CIFAR-10."""

    def __init__(self, images: np.ndarray, transform: Callable) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


def transform(crop: Callable, normalisation: str) -> Callable:
    normalise = transforms.Normalize(*NORMALISATIONS[normalisation])
    return transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor(), normalise])


def small(folder: Path) -> dict[str, Iterable]:
    count, batch = SMALL
    images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    pictures = Pictures(images, transform(transforms.RandomCrop(32, padding=4), "cifar10"))
    settings = ViewSettings(image_size=32, crop="pad", normalisation="cifar10")
    return {"torchvision": DataLoader(pictures, batch, shuffle=True), "ours": Resident(folder, images, settings, batch)}


def large(folder: Path) -> dict[str, Iterable]:
    count, batch = LARGE
    random, photos = np.random.default_rng(0), [Image.fromarray(photo) for photo in load_sample_images().images]
    (folder / "jpeg" / "class").mkdir(parents=True)
    squashed = np.empty((count, STORED, STORED, 3), np.uint8)
    for number in range(count):
        photo = photos[number % 2]
        left, top = random.uniform(0, 100, 2)
        view = photo.resize(PHOTO, Image.Resampling.LANCZOS, box=(left, top, left + 500, top + 300))
        view.save(folder / "jpeg" / "class" / f"{number}.jpg", quality=95)
        squashed[number] = np.asarray(view.resize((STORED, STORED), Image.Resampling.LANCZOS))
    pictures = ImageFolder(folder / "jpeg", transform(transforms.RandomResizedCrop(224), "imagenet"))
    settings = ViewSettings(image_size=224, crop="resized", normalisation="imagenet")
    return {
        "torchvision": DataLoader(pictures, batch, shuffle=True),
        "ours": Resident(folder, squashed, settings, batch),
    }


class Resident:
    """Our views of the same images, which are mapped from disk like those of a store."""

    def __init__(self, folder: Path, images: np.ndarray, settings: ViewSettings, batch: int) -> None:
        path = folder / f"{settings.image_size}.npy"
        np.save(path, images)
        labels = np.zeros(len(images), np.int64)
        sizes = np.full((len(images), 2), PHOTO, np.int32)
        mapped = np.load(path, mmap_mode="r")
        store = Store(folder, mapped, labels, mapped, labels, {}, sizes, sizes)
        self.views = Views(store, settings, 0.0, torch.device("cpu"))
        self.batch, self.generator = batch, torch.Generator()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for index in torch.randperm(len(self.views.labels), generator=self.generator).split(self.batch):
            yield self.views.training(index, self.generator), self.views.labels[index]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    prepare()
    for size, build, (count, _) in ((32, small, SMALL), (224, large, LARGE)):
        with tempfile.TemporaryDirectory() as folder:
            passes = {name: (lambda batches=batches: exhaust(batches)) for name, batches in build(Path(folder)).items()}
            times = medians(passes, rounds)
        for name, seconds in times.items():
            print(f"{size} pixels: {name:12}{1e6 * seconds / count:9,.0f} us an image{count / seconds:10,.0f} images/s")
        print(f"{size} pixels: {times['torchvision'] / times['ours']:.1f} times as many images")


def exhaust(batches: Iterable) -> None:
    for _ in batches:
        pass


if __name__ == "__main__":
    main()
