"""Images from trained generators, for data augmentation: in a new folder, or into a folder of photos by class."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advkd.errors import UserError
from advkd.files import as_csv_text, atomic, write_text
from advkd.progress import Progress, say
from advkd.runs.device import select_device
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import MODEL, SAMPLES
from advkd.settings.lineage import CONDITIONAL

if TYPE_CHECKING:
    import numpy as np
    import torch

    from advkd.data.synthetic_folder import Drawn
    from advkd.inference.generators import Generators

MOST = 1_000_000  # images of a generator: their files have six digits
CHUNK = 250  # images of a forward pass
COLUMNS = ["file", "generator", "class", "run", "noise_seed"]


def synthesize(folder: RunFolder, count: int, out: Path, seed: int, device_name: str, runs_per_gpu: int = 1) -> None:
    """Write PNG images of every generator of a finished run to `out`/G1, `out`/G2, ….

    An ACGAN's images go into one subfolder per class; the classes take turns. `out`/images.csv lists the file, the
    generator, the class, the run and the noise seed of every image.

    Args:
        folder: the run's folder.
        count: images per generator.
        out: a new or empty folder.
        seed: of the noise.
        device_name: auto, cpu or cuda.
        runs_per_gpu: processes that share a GPU.

    Raises:
        UserError: the run is not finished or trains no GAN, its files are damaged, `count` is below 1 or above
            MOST, or `out` is not empty.
    """
    _check_count(count)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder: choose a new one")
    source = _source(folder)
    device = select_device(device_name, runs_per_gpu)  # whoever waits for a GPU does so without torch
    import torch
    from PIL import Image

    trained = _opened(source, device)
    generators = len(trained.networks)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    progress = Progress(f"{source.run} -> {out}", count * generators, "image")
    noise = trained.noise(count, seed)
    labels = torch.arange(count) % len(source.classes)
    for number in range(generators):
        for start in range(0, count, CHUNK):
            chunk_labels = labels[start : start + CHUNK]
            condition = chunk_labels if trained.conditional else None
            images = trained.of_noise(noise[start : start + CHUNK], condition, number + 1)
            for offset, image in enumerate(images):
                name = source.classes[chunk_labels[offset]] if trained.conditional else ""
                file = Path(f"G{number + 1}", name.replace("/", "_"), f"{start + offset:06d}.png")
                with atomic(out / file) as temporary:
                    Image.fromarray(image).save(temporary)
                writer.writerow([file, f"G{number + 1}", as_csv_text(name), source.run, seed])
            progress.update(number * count + start + len(images))
    progress.close()
    write_text(out / "images.csv", table.getvalue())
    say(f"{count * generators} images of {source.run} ({source.scale} scale) -> {out}")


def synthesize_into(
    folders: Sequence[RunFolder],
    count: int,
    photos: Path,
    seed: int,
    device_name: str,
    runs_per_gpu: int = 1,
    links: bool = False,
) -> None:
    """Write labelled images of finished runs into a folder of photos by class, as data/synthetic_folder.py says.

    The label is the class that an ACGAN was asked for, or the only class that a GAN was trained on. The generators of
    a run take turns, each with noise of its own.

    Args:
        folders: the folders of the runs.
        count: images of each class.
        photos: holds a folder of photos for each class, or the parts of a split that do.
        seed: of the noise.
        device_name: auto, cpu or cuda.
        runs_per_gpu: processes that share a GPU.
        links: whether links in `photos` are followed.

    Raises:
        UserError: as `synthesize`; a run draws images of no class in particular, of one that `photos` does not have, or
            of the same class as another run; or `photos` has generated images already. Nothing is written then.
    """
    from advkd.data.archives.folder_archive import SYNTHETIC
    from advkd.data.readers.class_folders import class_names
    from advkd.data.synthetic_folder import check_free, write_synthetic

    _check_count(count)
    classes = class_names(photos, links)
    check_free(photos)
    sources = [_source(folder) for folder in folders]
    for source in sources:
        if not source.conditional and len(source.classes) > 1:
            raise UserError(
                f"{source.run} draws images of no class in particular: name an ACGAN's run, or for each class one that"
                " was trained on it alone (+only_class=1+training_set=classifier)"
            )
        if strange := [name for name in source.classes if name not in classes]:
            raise UserError(
                f"{source.run} draws images of {strange[0]!r}, and {photos} has no such class: {', '.join(classes)}"
            )
    counted = Counter(name for source in sources for name in source.classes)
    if twice := [name for name, of_runs in counted.items() if of_runs > 1]:
        raise UserError(f"{counted[twice[0]]} of the runs draw images of {twice[0]!r}: name one run for each class")
    device = select_device(device_name, runs_per_gpu)

    def draw() -> "Iterator[Drawn]":
        progress = Progress(f"drawing into {photos}", count * len(counted), "image")
        done = 0
        for source in sources:
            for drawn in _labelled(source, _opened(source, device), count, seed):
                yield drawn
                done += 1
                progress.update(done)
        progress.close()

    runs = {source.run: source.origin() for source in sources}
    written = write_synthetic(photos, draw(), runs)
    of_classes = ", ".join(f"{number} of {name}" for name, number in written.items())
    say(
        f"{of_classes} -> {photos / SYNTHETIC}: runs on this folder with +generator=folder in their name train with"
        " them, other runs do not"
    )


@dataclass(frozen=True)
class Source:
    """A finished run that has generators.

    Attributes:
        folder: the run's folder.
        run: its name.
        scale: the scale that it was trained at.
        classes: the classes that it was trained on.
        conditional: whether its generators draw images of a class that is asked for.
    """

    folder: RunFolder
    run: str
    scale: str
    classes: tuple[str, ...]
    conditional: bool

    def origin(self) -> dict[str, Any]:
        """Return what leads back to the generators: settings, weights, code and data."""
        result, provenance = self.folder.result(), self.folder.provenance()
        data = provenance["data"]
        return {
            "scale": self.scale,
            "config_hash": result["config_hash"],
            "weights": result["sha256"][MODEL],
            "code": provenance["code"],
            "data": {
                **{key: data[key] for key in ("store", "name", "sha256")},
                "base": data.get("base"),
                "content": data["source"]["content"],
            },
        }


def _check_count(count: int) -> None:
    if count < 1:
        raise UserError(f"--count is {count}: ask for at least 1 image")
    if count > MOST:
        raise UserError(f"--count is {count}: ask for at most {MOST:,} images, and for others with another --seed")


def _source(folder: RunFolder) -> Source:
    """Return a run that has generators; its weights are compared with their checksum."""
    if (status := folder.result()["status"]) != "done":
        raise UserError(f"{folder.run} is {status}: it has no generator to draw from")
    document = folder.document()
    if document["loop"] != "gan":
        raise UserError(
            f"{document['run']} trains a classifier; the images of a generator beside it are in {folder.file(SAMPLES)}"
        )
    classes = tuple(folder.provenance()["data"]["classes"])
    folder.check(MODEL)
    conditional = document["settings"]["model"] in CONDITIONAL
    return Source(folder, document["run"], document["scale"], classes, conditional)


def _opened(source: Source, device: "torch.device") -> "Generators":
    """Return the generators of a run."""
    import torch

    from advkd.inference.from_run import read_run
    from advkd.inference.generators import Generators

    return Generators(read_run(source.folder, "last"), device, torch.float32)


def _labelled(source: Source, trained: "Generators", count: int, seed: int) -> "Iterator[Drawn]":
    """Yield `count` images of each class of a run."""
    import torch

    from advkd.data.synthetic_folder import Drawn

    total, generators = count * len(source.classes), len(trained.networks)
    noise = trained.noise(total, seed)
    labels = torch.arange(total) % len(source.classes)
    turns = torch.arange(total) // len(source.classes) % generators
    for start in range(0, total, CHUNK):
        rows = slice(start, start + CHUNK)
        images: dict[int, np.ndarray] = {}
        for turn in range(generators):
            (places,) = torch.nonzero(turns[rows] == turn, as_tuple=True)
            if len(places):
                condition = labels[rows][places] if trained.conditional else None
                drawn = trained.of_noise(noise[rows][places], condition, turn + 1)
                images.update(zip(places.tolist(), drawn, strict=True))
        for place in sorted(images):
            of_class = source.classes[labels[start + place]]
            yield Drawn(images[place], of_class, source.run, f"G{turns[start + place] + 1}", seed)
