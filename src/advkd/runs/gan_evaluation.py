"""FID and KID of a GAN's run: the features of real crops, computed once for a store, and the evaluation of samples."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advkd import files
from advkd.data.store import Store
from advkd.errors import UserError
from advkd.metrics import gan
from advkd.metrics.features import extract
from advkd.metrics.frechet import RootGaussian
from advkd.metrics.gan import RealFeatures
from advkd.metrics.networks import build
from advkd.opening import open_file
from advkd.runs.code import gan_evaluation_code
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import SAMPLES

SCHEMA = 3  # of the folder of real crops' features, in its meta.json; one of version 0.1.0 records none, and no digest
META, REALS, HELD_OUT = "meta.json", "reals.npz", "held_out.npz"


@dataclass(frozen=True)
class PreparedReals:
    """What `prepare_reals` wrote.

    Attributes:
        meta: code, network, numbers of crops, their shape, checksums and the distances between them ("floor").
        training: the training crops.
        held_out: the held-out crops; None where there are fewer than two.
    """

    meta: dict[str, Any]
    training: RealFeatures
    held_out: RealFeatures | None


def prepare_reals(
    store_folder: Path, out: Path, features: str, weights: Path | None, sha256: str, device: torch.device | str
) -> None:
    """Write the features of a store's crops, which every evaluation needs, to reals.npz, held_out.npz and meta.json.

    meta.json is written last. A store with fewer than two held-out crops gets no held_out.npz; its evaluations have no
    held-out distance, and the only floor is the distance between the halves of the training crops.

    Args:
        store_folder: the store.
        out: the folder to write.
        features: name of the feature network.
        weights: as for `networks.build`.
        sha256: as for `networks.build`.
        device: where the network runs.

    Raises:
        UserError: the store is missing or damaged, the weights do not suit, or there are fewer than four training
            crops.
    """
    store = Store.open(store_folder)
    if len(store.images) < 4:
        raise UserError(f"{store_folder} has {len(store.images)} training crops: FID needs at least 4")
    for name in (META, REALS, HELD_OUT):
        (out / name).unlink(missing_ok=True)
    network, identity = build(features, weights, sha256)

    def features_of(images: np.ndarray, what: str) -> RealFeatures:
        return RealFeatures.from_features(extract(network, images, _batch(device), device, f"{features}, {what}"))

    training = features_of(store.images, "training crops")
    _save(training, out / REALS)
    held_out = None
    if len(store.held_out) >= 2:
        held_out = features_of(store.held_out, "held-out crops")
        _save(held_out, out / HELD_OUT)
    content = {
        "schema": SCHEMA,
        "code": gan_evaluation_code(),
        "network": identity,
        "dims": training.features.shape[1],
        "n_real": len(store.images),
        "n_held_out": len(store.held_out),
        "image_shape": list(store.images.shape[1:]),
        "images_sha256": store.meta["sha256"]["images.npy"],
        "sha256": {path.name: files.sha256(path) for path in sorted(out.glob("*.npz"))},
        "floor": gan.floor_values(training, held_out),
    }
    files.write_json(out / META, files.with_digest(content))


def load_reals(folder: Path) -> PreparedReals:
    """Return what `prepare_reals` wrote to a folder; raises UserError where it is missing or damaged."""
    if not (folder / META).is_file():
        raise UserError(f"{folder} holds no features of real crops (no {META}): prepare them first")
    remedy = f"delete {folder} and prepare it again"
    try:
        meta: dict[str, Any] = files.read_json(folder / META)
        if not files.fits_digest(meta, demanded=meta.get("schema", 1) >= 2):
            raise ValueError("its digest differs")
        changed = [name for name, expected in meta["sha256"].items() if files.sha256(folder / name) != expected]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / META} is damaged ({error}): {remedy}") from error
    if changed:
        raise UserError(f"{folder / changed[0]} is not what was prepared (its checksum differs): {remedy}")
    held_out = _load(folder / HELD_OUT) if meta["n_held_out"] >= 2 else None
    return PreparedReals(meta, _load(folder / REALS), held_out)


def measure_samples(
    folder: RunFolder, reals: PreparedReals, weights: Path | None, sha256: str, device: torch.device | str
) -> dict[str, dict[str, Any]]:
    """Return the metrics of a run's samples.

    Args:
        folder: the run's folder.
        reals: what `prepare_reals` wrote.
        weights: as for `networks.build`.
        sha256: as for `networks.build`.
        device: where the network runs.

    Returns:
        A dictionary with three entries.

        - values: fid, kid, kid_se (standard error), fid_inf and fid_held_out, each with the suffix `.Gi` for generator
          i and, except kid_se, `.mean` over the generators; fid and kid with `.mixture` for the images of all
          generators together and `.floor` for real crops; fid_early and kid_early if samples were taken early in the
          training; inter_kid.final, the mean over neighbouring generators.
        - curves: inter_kid, the KID between neighbours at the `steps` of the training.
        - meta: the network, the numbers of images, and how far the numbers can be trusted.

    Raises:
        UserError: files are missing or do not suit, the reals were prepared with another network, or a value is not
            finite.
    """
    meta = reals.meta
    name = meta["network"]["features"]
    network, identity = build(name, weights, sha256)
    if identity != meta["network"]:
        raise UserError(
            f"the reals were made with {meta['network']}, this evaluation has {identity}: prepare them again"
        )
    known = folder.sample_names()
    names = sorted((key for key in known if re.fullmatch(r"G\d+", key)), key=lambda name: int(name[1:]))
    if not names:
        raise folder.damaged(SAMPLES, "holds no generator's images (G1, G2, …)")
    path = folder.file(SAMPLES)

    def features(key: str) -> np.ndarray:
        """Return the features (…, d) of the images (…, H, W, 3) in one array; only this array is in memory."""
        (images,) = folder.samples(key)
        if list(images.shape[-3:]) != meta["image_shape"]:
            raise UserError(f"{path}: {key} has shape {images.shape}, the real crops {meta['image_shape']}")
        flat = images.reshape(-1, *images.shape[-3:])
        flat_features = extract(network, flat, _batch(device), device, f"{name}, {key}")
        return flat_features.reshape(*images.shape[:-3], -1)

    final = {name: features(name) for name in names}
    held_out = reals.held_out.gaussian if reals.held_out else None
    values = meta["floor"] | gan.final_values(final, reals.training, held_out)
    if f"early/{names[0]}" in known:
        values |= gan.early_values({name: features(f"early/{name}") for name in names}, reals.training)
    curves = {}
    if "curve_steps" in known:
        moments = {name: features(f"curve/{name}") for name in names}
        (steps,) = folder.samples("curve_steps")
        curves["inter_kid"] = {"steps": steps.tolist(), **gan.inter_kid(moments)}
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise UserError(f"{path}: {', '.join(broken)} not finite; the samples do not suit this measure")
    return {
        "values": values,
        "curves": curves,
        "meta": {
            **identity,
            **{key: meta[key] for key in ("dims", "n_real", "n_held_out", "images_sha256")},
            **gan.describe_sizes(len(final[names[0]]), meta["n_real"], meta["dims"]),
        },
    }


def _save(real: RealFeatures, path: Path) -> None:
    with files.atomic(path) as temporary:
        np.savez(
            temporary, features=real.features, within=real.within, mean=real.gaussian.mean, root=real.gaussian.root
        )


def _load(path: Path) -> RealFeatures:
    with open_file(path) as file, np.load(file) as arrays:
        gaussian = RootGaussian(arrays["mean"], len(arrays["features"]), arrays["root"])
        return RealFeatures(arrays["features"], gaussian, arrays["within"])


def _batch(device: torch.device | str) -> int:
    """Return the number of images per forward."""
    return 10 if torch.device(device).type == "cpu" else 250  # on a CPU, more are not faster and take 25 MB each
