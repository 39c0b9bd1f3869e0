"""Adds up an epoch's loss terms on the device, so that no step waits for a number."""

from typing import Any

from torch import Tensor


class Means:
    """Sums of the terms of every kind of step ("synthetic", "real") since the epoch began."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.sums: dict[str, Tensor] = {}
        self.images: dict[str, int] = {}

    def add(self, kind: str, names: list[str], terms: Tensor, images: int) -> None:
        """Add the terms of one step, stacked (K,); they are means over `images` images."""
        self.names[kind] = names
        self.sums[kind] = self.sums[kind] + terms * images if kind in self.sums else terms * images
        self.images[kind] = self.images.get(kind, 0) + images

    def values(self) -> dict[str, float]:
        """Return the means over images by name. A name that both kinds of step have is that of the later kind."""
        means: dict[str, float] = {}
        for kind, names in self.names.items():
            for name, total in zip(names, self.sums[kind].tolist(), strict=True):
                means[name] = total / self.images[kind]
        return means

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {"names": self.names, "sums": self.sums, "images": self.images}

    @classmethod
    def restored(cls, state: dict[str, Any], device: Any) -> "Means":
        """Return the sums of a checkpoint's `state`, on the device."""
        means = cls()
        means.names, means.images = state["names"], state["images"]
        means.sums = {kind: total.to(device) for kind, total in state["sums"].items()}
        return means
