"""Images from a trained generator, for data augmentation."""

import csv
import io
from pathlib import Path

import numpy as np
import yaml

from advkd.damage import readable
from advkd.errors import UserError
from advkd.files import atomic, read_json, sha256, write_text
from advkd.progress import Progress, say

CHUNK = 250


def synthesize(folder: Path, count: int, out: Path, seed: int, device_name: str, runs_per_gpu: int = 1) -> None:
    """Write `count` PNG images of every generator of a finished run to `out`/G1, `out`/G2, ….

    An ACGAN's images go into one subfolder a class, in rotation; `out`/images.csv lists file, generator, class, run
    and noise seed. Raises UserError where the run is not finished, `count` is below 1 or `out` exists.
    """
    if count < 1:
        raise UserError(f"--count is {count}: ask for at least 1 image")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not an empty folder: choose a new one")
    result = folder / "result.json"
    if not result.exists() or read_json(result)["status"] != "done":
        raise UserError(f"{folder} holds no finished run: train it first (advkd status lists what exists)")
    with readable(str(folder), "train the run again"):
        document = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        classes = read_json(folder / "provenance.json")["data"]["classes"]
        if sha256(folder / "model.safetensors") != read_json(result)["sha256"]["model.safetensors"]:
            raise UserError("model.safetensors is not what the run wrote")
    if document["loop"] != "gan":
        raise UserError(
            f"{document['run']} trains a classifier: what a generator beside it drew is in {folder / 'samples.npz'}"
        )
    from advkd.runs.device import select_device

    device = select_device(device_name, runs_per_gpu)  # who waits for a GPU does so without torch
    import torch
    from PIL import Image
    from safetensors.torch import load_file

    from advkd.methods.okd import GanEnsemble
    from advkd.settings.gan import GanRun
    from advkd.training import seeding

    settings = GanRun.from_flat(document["settings"])
    gans = GanEnsemble(settings.base, settings.method, settings.adam, len(classes), device)
    weights = load_file(folder / "model.safetensors", device=str(device))
    for name, network in gans.networks.items():
        network.load_state_dict({k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(f"{name}.")})
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["file", "generator", "class", "run", "noise_seed"])
    progress = Progress(f"{document['run']} -> {out}", count * settings.method.sets, "image")
    noise = torch.randn(count, gans.z, generator=seeding.generator(seed, "synthesize"))
    labels = torch.arange(count) % len(classes)
    for number in range(settings.method.sets):
        for at in range(0, count, CHUNK):
            chosen = labels[at : at + CHUNK]
            given = chosen.to(device) if gans.conditional else None
            images = gans.sample(number, noise[at : at + CHUNK].to(device), given)
            for offset, image in enumerate(np.asarray(images)):
                kind = classes[chosen[offset]] if gans.conditional else ""
                file = Path(f"G{number + 1}", kind.replace("/", "_"), f"{at + offset:06d}.png")
                with atomic(out / file) as temporary:
                    Image.fromarray(image).save(temporary)
                writer.writerow([file, f"G{number + 1}", kind, document["run"], seed])
            progress.update(number * count + at + len(images))
    progress.close()
    write_text(out / "images.csv", table.getvalue())
    say(f"{count * settings.method.sets} images of {document['run']} ({document['scale']} scale) -> {out}")
