"""Times the two costs of FID on one thread: the distance, beside scipy.linalg.sqrtm, and Inception in two layouts.

    python benchmarks/fid.py [--rounds 5]

The variants take turns, and medians of CPU time are printed. Public FID code takes scipy.linalg.sqrtm of the product of
the covariances, and Inception in PyTorch's default layout.
"""

import argparse

import numpy as np
import scipy.linalg
import torch
from threadpoolctl import threadpool_limits
from timing import limit, medians, prepare

from advkd.metrics import frechet, inception

DIMS, REALS, FAKES = 2048, 2642, 10_000
IMAGES = 16


def report(title: str, times: dict[str, float], base: str, per: int = 1) -> None:
    print(title)
    for name, value in times.items():
        print(f"  {name:<28} {1e3 * value / per:10.1f} ms   ratio {value / times[base]:.3f}")


def distance(rounds: int) -> None:
    """Time the distance of two samples of a Gaussian with eigenvalues k^-1.2 and trace 100, given their covariances."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, DIMS + 1) ** -1.2
    scale = np.sqrt(100 * spectrum / spectrum.sum())
    real = frechet.fit_gaussian(rng.standard_normal((REALS, DIMS)) * scale)
    fake = frechet.fit_gaussian(rng.standard_normal((FAKES, DIMS)) * scale)
    cached = frechet.with_root(real)

    def sqrtm() -> float:
        root = scipy.linalg.sqrtm(real.covariance @ fake.covariance)
        return float(np.square(real.mean - fake.mean).sum() + real.trace + fake.trace - 2 * np.trace(root).real)

    variants = {
        "scipy.linalg.sqrtm": sqrtm,
        "ours": lambda: frechet.frechet_distance(real, fake),
        "ours, root of reals cached": lambda: frechet.frechet_distance(cached, fake),
    }
    report(f"Fréchet distance, {DIMS} features", medians(variants, rounds), "scipy.linalg.sqrtm")
    print(f"  difference of the two values {abs(sqrtm() - frechet.frechet_distance(cached, fake)):.1e}")


def network(rounds: int) -> None:
    images = inception.textures(IMAGES, 64, seed=1)
    plain = inception.build(None, DIMS, "").to(memory_format=torch.contiguous_format)
    last = inception.build(None, DIMS, "").to(memory_format=torch.channels_last)
    with torch.no_grad():
        variants = {
            "default": lambda: plain(images),
            "channels_last": lambda: last(images.contiguous(memory_format=torch.channels_last)),
        }
        times = medians(variants, rounds)
        report(f"Inception, {DIMS} features, an image", times, "default", IMAGES)
        floor = limit(variants["channels_last"], rounds)
    print(
        f"  limit: {floor}, of {IMAGES} images; channels_last takes {times['channels_last'] / floor.seconds:.2f} of it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    prepare()
    with threadpool_limits(1):
        distance(rounds)
    network(rounds)


if __name__ == "__main__":
    main()
