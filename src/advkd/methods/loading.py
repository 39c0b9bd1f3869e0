"""What a PyTorch DataLoader gives a method in a loop of one's own, where images and labels alone are not enough."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from advkd.methods.method import Method


class Indexed(Dataset[tuple[Tensor, int, int]]):
    """A data set whose items also hold their place in it: (image, label, index).

    PS-KD and AI-KD's table remember what they saw of each image.

    Args:
        dataset: its item i is (image, label); it has a length.
    """

    def __init__(self, dataset: Dataset[tuple[Tensor, int]]) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        length: int = len(self.dataset)  # type: ignore[arg-type]  # torch's Dataset leaves it to each data set
        return length

    def __getitem__(self, index: int) -> tuple[Tensor, int, int]:
        image, label = self.dataset[index]
        return image, label, index


class Batches(Sampler[list[int]]):
    """The batches of an epoch: all images in a new order, and beside them what the method wants to see with them.

    CS-KD wants a partner of the same class for each image. A batch then lists `size` images and as many partners. The
    last batch may be smaller.

    Args:
        method: has the labels of the training images.
        size: images of a batch, partners not counted.
        generator: of the CPU, for order and partners; None: torch's global state.
    """

    def __init__(self, method: Method[Any], size: int, generator: torch.Generator | None = None) -> None:
        if size < 1:
            raise ValueError(f"size is {size}: a batch has at least 1 image")
        self.method, self.size, self.generator = method, size, generator
        self.images = len(method.training_labels())

    def __len__(self) -> int:
        return math.ceil(self.images / self.size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = self.generator or torch.default_generator
        for index in torch.randperm(self.images, generator=generator).split(self.size):
            yield self.method.choose(index, generator).tolist()
