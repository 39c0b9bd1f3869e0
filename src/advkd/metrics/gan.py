"""FID and KID of a GAN's stored samples (OKD-SAGAN, section 4 and Table 1).

The paper compares 10,000 images of each generator with the 2,642 training crops and averages over the generators.
Several measures are added that help to interpret these numbers.

Choices:
    - [okd: Table 1] Added: KID. Why: it is unbiased at any number of images.
    - [okd: Table 1] Added: FID∞, extrapolated in the number of fakes.
    - [okd: Table 1] Added: FID to held-out crops (`held_out_crops`). Why: the FID to training
      crops rewards a generator that memorises them.
    - [okd: Table 1] Added: the distance between real crops, as a floor. Why: a generator cannot be expected to come
      closer to real crops than other real crops do.
    - [okd: Table 1] Added: the mixture of all generators' images. Why: together they may cover more than each alone.
"""

import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advkd import files
from advkd.data.store import Store
from advkd.errors import UserError
from advkd.files import atomic, read_json, write_json
from advkd.metrics import kid
from advkd.metrics.features import extract
from advkd.metrics.frechet import Gaussian, RootGaussian, fid_infinity, fit_gaussian, frechet_distance, with_root
from advkd.metrics.inception import build

SEED = 0  # of the order of fakes in fid_inf and of the halves of the reals
LEADING = 2048  # with fewer images on either side, KID is more reliable than FID
IMPLEMENTATION = "pytorch-fid preprocessing; own distance"


@dataclass(frozen=True)
class RealFeatures:
    """What every comparison with a set of real crops needs.

    features: (n, d). gaussian: fitted to the features. within: (n,), each crop's mean kernel with the others.
    """

    features: np.ndarray
    gaussian: RootGaussian
    within: np.ndarray

    @classmethod
    def from_features(cls, features: np.ndarray) -> "RealFeatures":
        """Fit the Gaussian and compute the mean kernels of features (n, d)."""
        return cls(features, with_root(fit_gaussian(features)), kid.within(features))

    def save(self, path: Path) -> None:
        """Write everything to an npz file."""
        with atomic(path) as temporary:
            np.savez(
                temporary,
                features=self.features,
                within=self.within,
                mean=self.gaussian.mean,
                root=self.gaussian.root,
            )

    @classmethod
    def load(cls, path: Path) -> "RealFeatures":
        """Read an npz file that `save` wrote."""
        with np.load(path) as arrays:
            gaussian = RootGaussian(arrays["mean"], len(arrays["features"]), arrays["root"])
            return cls(arrays["features"], gaussian, arrays["within"])


def prepare_reals(
    store_folder: Path, out: Path, weights: Path | None, sha256: str, dims: int, device: torch.device | str
) -> None:
    """Write the features of a store's crops, which every evaluation needs, to reals.npz, held_out.npz and meta.json.

    meta.json is written last. A store with fewer than two held-out crops gets no held_out.npz; its evaluations have no
    held-out distance, and the only floor is the distance between the halves of the training crops.

    Args:
        store_folder: the store.
        out: the folder to write.
        weights: as for `inception.build`.
        sha256: as for `inception.build`.
        dims: as for `inception.build`.
        device: where the network runs.

    Raises:
        UserError: the store is missing or damaged, the weights do not suit, or there are fewer than four training
            crops.
    """
    store = Store.open(store_folder)
    if len(store.images) < 4:
        raise UserError(f"{store_folder} has {len(store.images)} training crops: FID needs at least 4")
    for name in ("meta.json", "reals.npz", "held_out.npz"):
        (out / name).unlink(missing_ok=True)
    network, identity = build(weights, dims, sha256)
    reals = RealFeatures.from_features(
        extract(network, store.images, _batch(device), device, "Inception, training crops")
    )
    reals.save(out / "reals.npz")
    half = len(reals.features) // 2
    shuffled = np.random.default_rng(SEED).permutation(reals.features)
    floor = {"fid.floor_halves": frechet_distance(fit_gaussian(shuffled[:half]), fit_gaussian(shuffled[half:]))}
    if len(store.held_out) >= 2:
        features = extract(network, store.held_out, _batch(device), device, "Inception, held-out crops")
        held_out = RealFeatures.from_features(features)
        held_out.save(out / "held_out.npz")
        floor["fid.floor"] = frechet_distance(reals.gaussian, held_out.gaussian)
        between = kid.between(reals.features, held_out.features)
        floor["kid.floor"] = kid.mmd2(reals.within, held_out.within, *between).value
    write_json(
        out / "meta.json",
        {
            "network": identity,
            "dims": dims,
            "n_real": len(store.images),
            "n_held_out": len(store.held_out),
            "image_shape": list(store.images.shape[1:]),
            "images_sha256": store.meta["sha256"]["images.npy"],
            "sha256": {path.name: files.sha256(path) for path in sorted(out.glob("*.npz"))},
            "floor": floor,
        },
    )


def evaluate(
    samples: Path, reals: Path, weights: Path | None, sha256: str, device: torch.device | str
) -> dict[str, dict[str, Any]]:
    """Return the content of a run's metrics.json from its samples.npz and the folder that `prepare_reals` wrote.

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
    if not (reals / "meta.json").is_file():
        raise UserError(f"{reals} holds no features of real crops (no meta.json): prepare them first")
    prepared = _prepared(reals)
    network, identity = build(weights, prepared["dims"], sha256)
    if identity != prepared["network"]:
        raise UserError(
            f"{reals} was made with {prepared['network']}, this evaluation has {identity}: prepare it again"
        )
    real = RealFeatures.load(reals / "reals.npz")
    held_out = RealFeatures.load(reals / "held_out.npz").gaussian if prepared["n_held_out"] >= 2 else None
    if not (samples.is_file() and zipfile.is_zipfile(samples)):
        raise UserError(f"{samples} is missing or no npz file: train the run first")
    with np.load(samples) as arrays:
        names = sorted((key for key in arrays if re.fullmatch(r"G\d+", key)), key=lambda name: int(name[1:]))
        if not names:
            raise UserError(f"{samples} holds no generator's images (G1, G2, …): sample the run again")

        def features(key: str) -> np.ndarray:
            """Return the features (…, d) of the images (…, H, W, 3) in one array of the file."""
            images = _read(samples, arrays, key)
            if list(images.shape[-3:]) != prepared["image_shape"]:
                raise UserError(f"{samples}: {key} has shape {images.shape}, the real crops {prepared['image_shape']}")
            flat = images.reshape(-1, *images.shape[-3:])
            flat_features = extract(network, flat, _batch(device), device, f"Inception, {key}")
            return flat_features.reshape(*images.shape[:-3], -1)

        # One array of images is in memory at a time.
        final = {name: features(name) for name in names}
        values = prepared["floor"] | final_values(final, real, held_out)
        if f"early/{names[0]}" in arrays:
            values |= early_values({name: features(f"early/{name}") for name in names}, real)
        curves = {}
        if "curve_steps" in arrays:
            moments = {name: features(f"curve/{name}") for name in names}
            curves["inter_kid"] = {"steps": _read(samples, arrays, "curve_steps").tolist(), **inter_kid(moments)}
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise UserError(f"{samples}: {', '.join(broken)} not finite; the samples do not suit this measure")
    return {"values": values, "curves": curves, "meta": _meta(prepared, identity, len(final[names[0]]))}


def _prepared(reals: Path) -> dict[str, Any]:
    """Return the meta.json that `prepare_reals` wrote, after checking the other files against its checksums."""
    remedy = f"delete {reals} and prepare it again"
    try:
        prepared: dict[str, Any] = read_json(reals / "meta.json")
        changed = [name for name, expected in prepared["sha256"].items() if files.sha256(reals / name) != expected]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{reals} is damaged ({error}): {remedy}") from error
    if changed:
        raise UserError(f"{reals / changed[0]} is not what was prepared (its checksum differs): {remedy}")
    return prepared


def edges(generators: int) -> list[tuple[int, int]]:
    """Return the pairs of neighbours on the ring of connectors, as indices from 0; two generators are one pair."""
    count = generators if generators > 2 else generators - 1
    return [(i, (i + 1) % generators) for i in range(count)]


def final_values(features: dict[str, np.ndarray], real: RealFeatures, held_out: Gaussian | None) -> dict[str, float]:
    """Return the distances of the final samples, by the names that `evaluate` describes.

    Args:
        features: features (n, d) of each generator's images, by its name. Image i of all generators has the same noise.
        real: the training crops.
        held_out: Gaussian of the held-out crops; None where there are none.
    """
    names = list(features)
    gaussians, within, to_real, estimates = {}, {}, {}, {}
    for name in names:
        gaussians[name] = fit_gaussian(features[name])
        within[name] = kid.within(features[name])
        to_real[name] = kid.between(features[name], real.features)
        estimates[name] = kid.mmd2(within[name], real.within, *to_real[name])
    measures = {
        "fid": {name: frechet_distance(real.gaussian, gaussians[name]) for name in names},
        "kid": {name: estimates[name].value for name in names},
        "fid_inf": {name: fid_infinity(real.gaussian, features[name], SEED) for name in names},
    }
    if held_out is not None:
        measures["fid_held_out"] = {name: frechet_distance(held_out, gaussians[name]) for name in names}
    values = _with_means(measures) | {f"kid_se.{name}": estimates[name].error for name in names}
    values["fid.mixture"] = frechet_distance(real.gaussian, fit_gaussian(np.concatenate(list(features.values()))))
    # kernels[i, j]: the mean kernel between the images of generators i and j. All generators use the same noise, so
    # the kernels of images with the same noise are left out (`paired`).
    kernels = np.diag([within[name].mean() for name in names])
    for (i, a), (j, b) in combinations(enumerate(names), 2):
        kernels[i, j] = kernels[j, i] = kid.between(features[a], features[b], paired=True)[0].mean()
    mixture_to_real = np.mean([with_real.mean() for with_real, _ in to_real.values()])
    values["kid.mixture"] = float(kernels.mean() + real.within.mean() - 2 * mixture_to_real)
    if len(names) > 1:
        neighbours = [kernels[i, i] + kernels[j, j] - 2 * kernels[i, j] for i, j in edges(len(names))]
        values["inter_kid.final"] = float(np.mean(neighbours))
    return values


def early_values(features: dict[str, np.ndarray], real: RealFeatures) -> dict[str, float]:
    """Return FID and KID of samples from an early moment of the training; arguments as for `final_values`."""
    fids, kids = {}, {}
    for name, fake in features.items():
        fids[name] = frechet_distance(real.gaussian, fit_gaussian(fake))
        kids[name] = kid.mmd2(kid.within(fake), real.within, *kid.between(fake, real.features)).value
    return _with_means({"fid_early": fids, "kid_early": kids})


def inter_kid(moments: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return the KID between neighbouring generators at each moment of the training, by their names ("G1-G2").

    Args:
        moments: features (moments, n, d) of each generator's images, by its name.
    """
    names = list(moments)
    curves = {}
    for i, j in edges(len(names)):
        pairs = zip(moments[names[i]], moments[names[j]], strict=True)
        curves[f"{names[i]}-{names[j]}"] = [kid.kid(first, second, paired=True).value for first, second in pairs]
    return curves


def _with_means(measures: Mapping[str, dict[str, float]]) -> dict[str, float]:
    """Flatten {measure: {generator: value}} to "measure.generator", and add "measure.mean" over the generators."""
    values = {}
    for measure, by_generator in measures.items():
        for name, value in by_generator.items():
            values[f"{measure}.{name}"] = value
    for measure, by_generator in measures.items():
        values[f"{measure}.mean"] = float(np.mean(list(by_generator.values())))
    return values


def _meta(prepared: dict[str, Any], identity: dict[str, Any], n_fake: int) -> dict[str, Any]:
    """Return what a reader needs to interpret the numbers.

    rank_deficient: there are no more images than features on a side, so a covariance is singular. fid_leads: there
    are enough images on both sides for FID to be the number to read, rather than KID.
    """
    smaller = min(n_fake, prepared["n_real"])
    return {
        **identity,
        **{key: prepared[key] for key in ("dims", "n_real", "n_held_out", "images_sha256")},
        "n_fake": n_fake,
        "rank_deficient": smaller <= prepared["dims"],
        "fid_leads": smaller >= LEADING,
        "implementation": IMPLEMENTATION,
    }


def _read(path: Path, arrays: Any, key: str) -> np.ndarray:
    """Return the array `key` of the open npz file `arrays`, whose path an error names."""
    try:
        return np.asarray(arrays[key])
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: {key} cannot be read ({error}): sample the run again") from error


def _batch(device: torch.device | str) -> int:
    """Return the number of images per forward."""
    return 10 if torch.device(device).type == "cpu" else 250  # on a CPU, more are not faster and take 25 MB each
