"""FID and KID of a GAN's samples, given their features (OKD-SAGAN, section 4 and Table 1).

The paper compares 10,000 images of each generator with the 2,642 training crops and averages over the generators.
Several measures are added that help to interpret these numbers.

Choices:
    - [okd: Table 1] Added: KID. Why: it is unbiased at any number of images.
    - [okd: Table 1] Added: FID∞, extrapolated in the number of fakes.
    - [okd: Table 1] Added: FID to held-out crops (`held_out_crops`). Why: the FID to training
      crops rewards a generator that memorises them.
    - [okd: Table 1] Added: the distance between real crops. Why: a generator cannot be expected to have a lower KID
      than other real crops have; it can have a lower FID, which falls with the number of images.
    - [okd: Table 1] Added: the mixture of all generators' images. Why: together they may cover more than each alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from advkd.metrics import kid
from advkd.metrics.frechet import Gaussian, RootGaussian, fid_infinity, fit_gaussian, frechet_distance, with_root

SEED = 0  # of the order of fakes in fid_inf and of the halves of the reals
LEADING = 2048  # with fewer images on either side, KID is more reliable than FID


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


def floor_values(real: RealFeatures, held_out: RealFeatures | None) -> dict[str, float]:
    """Return the distances between real crops, which a generator is compared with.

    fid.floor_halves is the FID between random halves of the training crops; fid.floor and kid.floor are those between
    training and held-out crops, and kid_se.floor is the latter's standard error. FID falls with the number of images: a
    generator that draws more images than there are crops can come closer than fid.floor. KID is unbiased.

    Args:
        real: the training crops.
        held_out: the held-out crops; None where there are fewer than two.
    """
    half = len(real.features) // 2
    shuffled = np.random.default_rng(SEED).permutation(real.features)
    values = {"fid.floor_halves": frechet_distance(fit_gaussian(shuffled[:half]), fit_gaussian(shuffled[half:]))}
    if held_out is not None:
        values["fid.floor"] = frechet_distance(real.gaussian, held_out.gaussian)
        between = kid.between(real.features, held_out.features)
        second_order = kid.second_order(real.features, held_out.features)
        estimate = kid.mmd2(real.within, held_out.within, *between, second_order=second_order)
        values |= {"kid.floor": estimate.value, "kid_se.floor": estimate.error}
    return values


def edges(generators: int) -> list[tuple[int, int]]:
    """Return the pairs of neighbours on the ring of connectors, as indices from 0; two generators are one pair."""
    count = generators if generators > 2 else generators - 1
    return [(i, (i + 1) % generators) for i in range(count)]


def final_values(features: dict[str, np.ndarray], real: RealFeatures, held_out: Gaussian | None) -> dict[str, float]:
    """Return the distances of the final samples, by the names that `runs.gan_evaluation.measure_samples` describes.

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
        second_order = kid.second_order(features[name], real.features)
        estimates[name] = kid.mmd2(within[name], real.within, *to_real[name], second_order=second_order)
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


def describe_sizes(n_fake: int, n_real: int, dims: int) -> dict[str, Any]:
    """Return what a reader needs to interpret FID and KID.

    rank_deficient: there are no more images than features on a side, so a covariance is singular. fid_leads: there
    are enough images on both sides for FID to be the number to read, rather than KID.

    Args:
        n_fake: images of each generator.
        n_real: training crops.
        dims: features per image.
    """
    smaller = min(n_fake, n_real)
    return {
        "n_fake": n_fake,
        "rank_deficient": smaller <= dims,
        "fid_leads": smaller >= LEADING,
    }
