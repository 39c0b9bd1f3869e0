"""A GAN run's metrics.json: FID and KID of its stored samples (OKD-SAGAN, section 4 and Table 1).

The paper compares 10,000 images of one generator with the 2,642 training crops and averages over generators. Beside
that stands what its numbers need to be read.

Choices:
    - [okd: Table 1] Added: KID. Why: it is unbiased at any number of images.
    - [okd: Table 1] Added: FID∞, extrapolated in the number of fakes.
    - [okd: Table 1] Added: FID to held-out crops (`held_out_crops`). Why: training crops reward memorising.
    - [okd: Table 1] Added: the floor between real crops. Why: no generator need be nearer than real crops are.
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
LEADING = 2048  # images on both sides below which KID, not FID, is the number to read
IMPLEMENTATION = "pytorch-fid preprocessing; own distance"


@dataclass(frozen=True)
class Side:
    """Features (n, d) of one set of real crops, their fitted Gaussian, and each crop's mean kernel with the others."""

    features: np.ndarray
    gaussian: RootGaussian
    within: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Side":
        """Compute what every comparison with these crops shares."""
        return cls(features, with_root(fit_gaussian(features)), kid.within(features))

    def save(self, path: Path) -> None:
        """Write the side to an npz file."""
        with atomic(path) as temporary:
            np.savez(
                temporary,
                features=self.features,
                within=self.within,
                mean=self.gaussian.mean,
                root=self.gaussian.root,
            )

    @classmethod
    def load(cls, path: Path) -> "Side":
        """Read a side from an npz file."""
        with np.load(path) as arrays:
            gaussian = RootGaussian(arrays["mean"], len(arrays["features"]), arrays["root"])
            return cls(arrays["features"], gaussian, arrays["within"])


def prepare_reals(
    store_folder: Path, out: Path, weights: Path | None, sha256: str, dims: int, device: torch.device | str
) -> None:
    """Compute once what every evaluation against a store's crops needs: reals.npz, held_out.npz, meta.json (last).

    weights, sha256, dims: as for `inception.build`. A store with fewer than two held-out crops gets no held_out.npz,
    and its evaluations have no held-out distance and no floor but that between halves.

    Raises:
        UserError: a missing or damaged store, unsuitable weights, or fewer than four training crops.
    """
    store = Store.open(store_folder)
    if len(store.images) < 4:
        raise UserError(f"{store_folder} has {len(store.images)} training crops: FID needs at least 4")
    for name in ("meta.json", "reals.npz", "held_out.npz"):
        (out / name).unlink(missing_ok=True)
    network, identity = build(weights, dims, sha256)
    reals = Side.of(extract(network, store.images, _batch(device), device, "Inception, training crops"))
    reals.save(out / "reals.npz")
    half = len(reals.features) // 2
    shuffled = np.random.default_rng(SEED).permutation(reals.features)
    floor = {"fid.floor_halves": frechet_distance(fit_gaussian(shuffled[:half]), fit_gaussian(shuffled[half:]))}
    if len(store.held_out) >= 2:
        held_out = Side.of(extract(network, store.held_out, _batch(device), device, "Inception, held-out crops"))
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
    """Return the content of a run's metrics.json from its samples.npz and the folder `prepare_reals` wrote.

    values: fid, kid, kid_se (standard error), fid_inf and fid_held_out `.Gi` of every generator and (but kid_se)
    `.mean` over them; fid and kid `.mixture` of all generators' images together and `.floor` of real crops;
    fid_early and kid_early where samples were taken early; inter_kid.final, the mean over neighbouring generators.
    curves: inter_kid, the KID between neighbours at `steps` of training. meta: what the numbers rest on.

    Raises:
        UserError: missing or unsuitable files, reals prepared with another network, or a value that is not finite.
    """
    if not (reals / "meta.json").is_file():
        raise UserError(f"{reals} holds no features of real crops (no meta.json): prepare them first")
    prepared = _prepared(reals)
    network, identity = build(weights, prepared["dims"], sha256)
    if identity != prepared["network"]:
        raise UserError(
            f"{reals} was made with {prepared['network']}, this evaluation has {identity}: prepare it again"
        )
    real = Side.load(reals / "reals.npz")
    held_out = Side.load(reals / "held_out.npz").gaussian if prepared["n_held_out"] >= 2 else None
    if not (samples.is_file() and zipfile.is_zipfile(samples)):
        raise UserError(f"{samples} is missing or no npz file: train the run first")
    with np.load(samples) as arrays:
        names = sorted((key for key in arrays if re.fullmatch(r"G\d+", key)), key=lambda name: int(name[1:]))
        if not names:
            raise UserError(f"{samples} holds no generator's images (G1, G2, …): sample the run again")

        def features(key: str) -> np.ndarray:
            """Return (…, d) for images (…, H, W, 3); one array of images is in memory at a time."""
            images = _read(samples, arrays, key)
            if list(images.shape[-3:]) != prepared["image_shape"]:
                raise UserError(f"{samples}: {key} has shape {images.shape}, the real crops {prepared['image_shape']}")
            flat = images.reshape(-1, *images.shape[-3:])
            found = extract(network, flat, _batch(device), device, f"Inception, {key}")
            return found.reshape(*images.shape[:-3], -1)

        final = {name: features(name) for name in names}
        values = prepared["floor"] | _final(final, real, held_out)
        if f"early/{names[0]}" in arrays:
            values |= _early({name: features(f"early/{name}") for name in names}, real)
        curves = {}
        if "curve_steps" in arrays:
            path = {name: features(f"curve/{name}") for name in names}
            curves["inter_kid"] = {"steps": _read(samples, arrays, "curve_steps").tolist(), **_inter_kid(path)}
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise UserError(f"{samples}: {', '.join(broken)} not finite; the samples do not suit this measure")
    return {"values": values, "curves": curves, "meta": _meta(prepared, identity, len(final[names[0]]))}


def _prepared(reals: Path) -> dict[str, Any]:
    """Return the meta.json of what `prepare_reals` wrote, after comparing the other files with it."""
    remedy = f"delete {reals} and prepare it again"
    try:
        prepared: dict[str, Any] = read_json(reals / "meta.json")
        changed = [name for name, expected in prepared["sha256"].items() if files.sha256(reals / name) != expected]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{reals} is damaged ({error}): {remedy}") from error
    if changed:
        raise UserError(f"{reals / changed[0]} is not what was prepared (its checksum differs): {remedy}")
    return prepared


def edges(sets: int) -> list[tuple[int, int]]:
    """Return the pairs of neighbours on the ring of connectors, from 0: each with the next, one pair for two sets."""
    return [(i, (i + 1) % sets) for i in range(sets if sets > 2 else sets - 1)]


def _final(features: dict[str, np.ndarray], real: Side, held_out: Gaussian | None) -> dict[str, float]:
    """Return every value of the final samples, flat."""
    names = list(features)
    gaussians = {name: fit_gaussian(found) for name, found in features.items()}
    within = {name: kid.within(found) for name, found in features.items()}
    to_real = {name: kid.between(found, real.features) for name, found in features.items()}
    single = {name: kid.mmd2(within[name], real.within, *to_real[name]) for name in names}
    found = {
        "fid": {name: frechet_distance(real.gaussian, gaussians[name]) for name in names},
        "kid": {name: single[name].value for name in names},
        "fid_inf": {name: fid_infinity(real.gaussian, features[name], SEED) for name in names},
    }
    if held_out is not None:
        found["fid_held_out"] = {name: frechet_distance(held_out, gaussians[name]) for name in names}
    values = _averaged(found) | {f"kid_se.{name}": single[name].error for name in names}
    values["fid.mixture"] = frechet_distance(real.gaussian, fit_gaussian(np.concatenate(list(features.values()))))
    # Mean kernels between all generators. They sample from the same noise: paired, so that no image meets its twins.
    kernels = np.diag([within[name].mean() for name in names])
    for (i, a), (j, b) in combinations(enumerate(names), 2):
        kernels[i, j] = kernels[j, i] = kid.between(features[a], features[b], paired=True)[0].mean()
    crossing = np.mean([with_real.mean() for with_real, _ in to_real.values()])
    values["kid.mixture"] = float(kernels.mean() + real.within.mean() - 2 * crossing)
    if len(names) > 1:
        between = [kernels[i, i] + kernels[j, j] - 2 * kernels[i, j] for i, j in edges(len(names))]
        values["inter_kid.final"] = float(np.mean(between))
    return values


def _early(features: dict[str, np.ndarray], real: Side) -> dict[str, float]:
    """Return FID and KID of samples from an early moment of training."""
    between = {name: kid.between(found, real.features) for name, found in features.items()}
    return _averaged(
        {
            "fid_early": {
                name: frechet_distance(real.gaussian, fit_gaussian(found)) for name, found in features.items()
            },
            "kid_early": {
                name: kid.mmd2(kid.within(found), real.within, *between[name]).value for name, found in features.items()
            },
        }
    )


def _inter_kid(path: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Return the KID between neighbours at each moment of features (moments, n, d)."""
    names = list(path)
    return {
        f"{a}-{b}": [kid.kid(x, y, paired=True).value for x, y in zip(path[a], path[b], strict=True)]
        for a, b in ((names[i], names[j]) for i, j in edges(len(names)))
    }


def _averaged(found: Mapping[str, dict[str, float]]) -> dict[str, float]:
    """Flatten {measure: {generator: value}} to measure.generator, and measure.mean over the generators."""
    flat = {f"{key}.{name}": value for key, values in found.items() for name, value in values.items()}
    return flat | {f"{key}.mean": float(np.mean(list(values.values()))) for key, values in found.items()}


def _meta(prepared: dict[str, Any], identity: dict[str, Any], n_fake: int) -> dict[str, Any]:
    """Return what a reader needs to know of the numbers."""
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
    """Read one array of an npz file that is open."""
    try:
        return np.asarray(arrays[key])
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: {key} cannot be read ({error}): sample the run again") from error


def _batch(device: torch.device | str) -> int:
    return 10 if torch.device(device).type == "cpu" else 250  # more take 25 MB each on a CPU and are no faster
