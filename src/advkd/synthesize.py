"""Images from a trained generator, for data augmentation."""

import csv
import io
from pathlib import Path

from advkd.errors import UserError
from advkd.files import as_csv_text, atomic, write_text
from advkd.progress import Progress, say
from advkd.runs.device import select_device
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import MODEL, SAMPLES

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
    if count < 1:
        raise UserError(f"--count is {count}: ask for at least 1 image")
    if count > MOST:
        raise UserError(f"--count is {count}: ask for at most {MOST:,} images, and for others with another --seed")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder: choose a new one")
    if (status := folder.result()["status"]) != "done":
        raise UserError(f"{folder.run} is {status}: it has no generator to draw from")
    document = folder.document()
    if document["loop"] != "gan":
        raise UserError(
            f"{document['run']} trains a classifier; the images of a generator beside it are in {folder.file(SAMPLES)}"
        )
    classes: list[str] = folder.provenance()["data"]["classes"]
    folder.check(MODEL)
    device = select_device(device_name, runs_per_gpu)  # whoever waits for a GPU does so without torch
    import torch
    from PIL import Image

    from advkd.inference.from_run import read_run
    from advkd.inference.generators import Generators

    trained = Generators(read_run(folder, "last"), device, torch.float32)
    generators = len(trained.networks)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    progress = Progress(f"{document['run']} -> {out}", count * generators, "image")
    noise = trained.noise(count, seed)
    labels = torch.arange(count) % len(classes)
    for number in range(generators):
        for start in range(0, count, CHUNK):
            chunk_labels = labels[start : start + CHUNK]
            condition = chunk_labels if trained.conditional else None
            images = trained.of_noise(noise[start : start + CHUNK], condition, number + 1)
            for offset, image in enumerate(images):
                name = classes[chunk_labels[offset]] if trained.conditional else ""
                file = Path(f"G{number + 1}", name.replace("/", "_"), f"{start + offset:06d}.png")
                with atomic(out / file) as temporary:
                    Image.fromarray(image).save(temporary)
                writer.writerow([file, f"G{number + 1}", as_csv_text(name), document["run"], seed])
            progress.update(number * count + start + len(images))
    progress.close()
    write_text(out / "images.csv", table.getvalue())
    say(f"{count * generators} images of {document['run']} ({document['scale']} scale) -> {out}")
