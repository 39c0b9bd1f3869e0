import json

import numpy as np
import pytest

from advkd.data.store_draft import write_store
from advkd.errors import UserError
from advkd.files import read_json, sha256
from advkd.metrics import gan, inception
from advkd.runs import gan_evaluation
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import SAMPLES

FEATURES = "random_inception64"


def by_eigenvalues(x, y):
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    roots = np.sqrt(np.linalg.eigvals(a @ b).astype(complex)).real
    return np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * roots.sum()


def mean_kernel(x, y, skip):
    kernel = (x @ y.T / x.shape[1] + 1) ** 3
    return (kernel.sum() - skip * kernel.trace()) / (kernel.size - skip * len(x))


def pixels(seed, count, level=128):
    rng = np.random.default_rng(seed)
    return rng.integers(level - 60, level + 60, (count, 2, 2, 3)).astype(np.uint8)


def as_features(images):
    return (images.reshape(len(images), -1) / 255).astype(np.float32)


def make_store(folder, reals, held_out):
    none = np.zeros(0, np.int64)
    arrays = {"images": reals, "labels": none, "held_out": held_out, "held_out_labels": none}
    write_store(folder, arrays, "", {})
    return folder


@pytest.fixture
def plain(monkeypatch):
    """Replace Inception by the 12 pixel values of a 2 x 2 image."""
    monkeypatch.setattr(
        gan_evaluation, "build", lambda name, weights, _: (None, {"features": name, "weights": str(weights)})
    )
    monkeypatch.setattr(gan_evaluation, "extract", lambda network, images, *_: as_features(images))


@pytest.fixture
def prepared(plain, tmp_path):
    """A store of 40 training and 30 held-out crops, with the reals' features."""
    folder = make_store(tmp_path / "store", pixels(0, 40), pixels(1, 30))
    gan_evaluation.prepare_reals(folder, tmp_path / "reals", FEATURES, None, "", "cpu")
    return tmp_path / "reals"


def write_samples(path, generators, **more):
    """Write samples.npz to the folder `path`; returns it as a run's folder."""
    np.savez(path / SAMPLES, **{f"G{number}": images for number, images in enumerate(generators, 1)}, **more)
    return RunFolder(path)


def measure(folder, reals, weights=None):
    return gan_evaluation.measure_samples(folder, gan_evaluation.load_reals(reals), weights, "", "cpu")


def evaluate(tmp_path, reals, generators, **more):
    return measure(write_samples(tmp_path, generators, **more), reals)


def test_end_to_end_with_the_network(tmp_path):
    pictures = (inception.textures(20, 64, seed=5).permute(0, 2, 3, 1).numpy() * 255 + 0.5).astype(np.uint8)
    reals, fakes = pictures[:8], pictures[8:14]
    folder = make_store(tmp_path / "store", reals, pictures[14:])
    gan_evaluation.prepare_reals(folder, tmp_path / "reals", FEATURES, None, "", "cpu")
    samples = write_samples(
        tmp_path,
        [fakes, fakes[:, ::-1], fakes // 4],
        curve_steps=np.array([10, 20]),
        **{f"early/G{number}": fakes[:3] for number in (1, 2, 3)},
        **{f"curve/G{number}": fakes[:4].reshape(2, 2, 64, 64, 3) for number in (1, 2, 3)},
    )
    found = measure(samples, tmp_path / "reals")
    generators = ("G1", "G2", "G3")
    expected = {f"kid_se.{name}" for name in generators}
    for key in ("fid", "kid", "fid_inf", "fid_held_out", "fid_early", "kid_early"):
        expected |= {f"{key}.{name}" for name in (*generators, "mean")}
    expected |= {
        "fid.mixture",
        "kid.mixture",
        "fid.floor",
        "kid.floor",
        "kid_se.floor",
        "fid.floor_halves",
        "inter_kid.final",
    }
    assert set(found["values"]) == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["curves"]["inter_kid"]["steps"] == [10, 20]
    for edge in ("G1-G2", "G2-G3", "G3-G1"):
        assert found["curves"]["inter_kid"][edge] == pytest.approx([0, 0], abs=1e-9)
    # Textures in the dark are further from the reals than mirrored ones.
    assert found["values"]["fid.G3"] > found["values"]["fid.G2"] > 0
    assert found["meta"] == {
        "features": FEATURES,
        "seed": 0,
        "dims": 64,
        "n_real": 8,
        "n_held_out": 6,
        "n_fake": 6,
        "images_sha256": sha256(folder / "images.npy"),
        "rank_deficient": True,
        "fid_leads": False,
    }


def test_values_are_what_their_names_say(tmp_path, prepared):
    images = [pixels(seed, 50, level) for seed, level in ((2, 128), (3, 110), (4, 150))]
    values = evaluate(tmp_path, prepared, images)["values"]
    g = [as_features(part).astype(np.float64) for part in images]
    real, held_out = (as_features(pixels(seed, count)).astype(np.float64) for seed, count in ((0, 40), (1, 30)))
    union = np.concatenate(g)
    for number, features in enumerate(g, 1):
        assert values[f"fid.G{number}"] == pytest.approx(by_eigenvalues(real, features), rel=1e-6)
        assert values[f"fid_held_out.G{number}"] == pytest.approx(by_eigenvalues(held_out, features), rel=1e-6)
        kid = mean_kernel(features, features, 1) + mean_kernel(real, real, 1) - 2 * mean_kernel(features, real, 0)
        assert values[f"kid.G{number}"] == pytest.approx(kid, rel=1e-6)
        assert values[f"fid_inf.G{number}"] < values[f"fid.G{number}"]
    for key in ("fid", "kid", "fid_inf", "fid_held_out"):
        assert values[f"{key}.mean"] == pytest.approx(np.mean([values[f"{key}.G{number}"] for number in (1, 2, 3)]))
    assert values["fid.mixture"] == pytest.approx(by_eigenvalues(real, union), rel=1e-6)
    assert values["fid.floor"] == pytest.approx(by_eigenvalues(real, held_out), rel=1e-6)
    floor = mean_kernel(real, real, 1) + mean_kernel(held_out, held_out, 1) - 2 * mean_kernel(real, held_out, 0)
    assert values["kid.floor"] == pytest.approx(floor, rel=1e-5)
    assert values["fid.floor"] < values["fid.floor_halves"] < min(values["fid.G2"], values["fid.G3"])
    # In the mixture no image is compared with one made from the same noise.
    same = np.mean([[mean_kernel(a, b, 1) for a in g] for b in g])
    mixture = same + mean_kernel(real, real, 1) - 2 * mean_kernel(union, real, 0)
    assert values["kid.mixture"] == pytest.approx(mixture, rel=1e-6)
    ring = [
        mean_kernel(a, a, 1) + mean_kernel(b, b, 1) - 2 * mean_kernel(a, b, 1)
        for a, b in ((g[0], g[1]), (g[1], g[2]), (g[2], g[0]))
    ]
    assert values["inter_kid.final"] == pytest.approx(np.mean(ring), rel=1e-6)


def test_halves_are_disjoint_and_cover_the_reals(monkeypatch, plain, tmp_path):
    sides = []
    fit_gaussian = gan.fit_gaussian
    monkeypatch.setattr(gan, "fit_gaussian", lambda features: sides.append(features) or fit_gaussian(features))
    reals = pixels(0, 41)
    folder = make_store(tmp_path / "store", reals, pixels(1, 30))
    gan_evaluation.prepare_reals(folder, tmp_path / "reals", FEATURES, None, "", "cpu")
    halves = [side for side in sides if len(side) in (20, 21)]
    assert sorted(map(len, halves)) == [20, 21]
    np.testing.assert_array_equal(
        np.sort(np.concatenate(halves).astype(np.float64), axis=0),
        np.sort(as_features(reals).astype(np.float64), axis=0),
    )


def test_curve_follows_the_ring_and_its_moments(tmp_path, prepared):
    curve = {f"curve/G{number}": np.stack([pixels(number, 9), pixels(0, 9)]) for number in (1, 2)}
    found = evaluate(tmp_path, prepared, [pixels(2, 20)] * 2, curve_steps=np.array([5, 9]), **curve)["curves"]
    assert list(found["inter_kid"]) == ["steps", "G1-G2"]
    first, second = found["inter_kid"]["G1-G2"]
    assert second == pytest.approx(0, abs=1e-12)
    a, b = (as_features(curve[f"curve/G{number}"][0]).astype(np.float64) for number in (1, 2))
    assert first == pytest.approx(mean_kernel(a, a, 1) + mean_kernel(b, b, 1) - 2 * mean_kernel(a, b, 1), rel=1e-6)


def test_edges():
    assert gan.edges(1) == []
    assert gan.edges(2) == [(0, 1)]
    assert gan.edges(4) == [(0, 1), (1, 2), (2, 3), (3, 0)]


def test_one_generator_and_no_held_out_crops(plain, tmp_path):
    folder = make_store(tmp_path / "store", pixels(0, 40), pixels(1, 0))
    gan_evaluation.prepare_reals(folder, tmp_path / "reals", FEATURES, None, "", "cpu")
    found = evaluate(tmp_path, tmp_path / "reals", [pixels(2, 30)], labels=np.arange(30))
    assert set(found["values"]) == {
        *(f"{key}.{name}" for key in ("fid", "kid", "fid_inf") for name in ("G1", "mean")),
        *("kid_se.G1", "fid.mixture", "kid.mixture", "fid.floor_halves"),
    }
    assert found["values"]["fid.mixture"] == found["values"]["fid.G1"]
    assert found["values"]["kid.mixture"] == pytest.approx(found["values"]["kid.G1"], rel=1e-9)
    assert found["curves"] == {}


def test_ten_generators_are_in_the_order_of_their_numbers(tmp_path, prepared):
    images = [*[pixels(2, 20)] * 8, *[pixels(3, 20, 150)] * 2]
    found = evaluate(tmp_path, prepared, images)["values"]
    # G9 and G10 are alike and so are the others: two of the ten edges, G8-G9 and G10-G1, are not zero.
    a, b = as_features(images[0]).astype(np.float64), as_features(images[9]).astype(np.float64)
    apart = mean_kernel(a, a, 1) + mean_kernel(b, b, 1) - 2 * mean_kernel(a, b, 1)
    assert found["inter_kid.final"] == pytest.approx(2 * apart / 10, rel=1e-6)


def test_refusals(tmp_path, prepared, monkeypatch):
    folder = RunFolder(tmp_path)
    with pytest.raises(UserError, match="no features of real crops"):
        measure(folder, tmp_path)
    with pytest.raises(UserError, match=r"samples\.npz is missing: delete result\.json beside it"):
        measure(folder, prepared)
    with pytest.raises(UserError, match=r"were made with .*prepare them again"):
        measure(folder, prepared, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"holds no generator's images .*: delete result\.json beside it"):
        evaluate(tmp_path, prepared, [])
    with pytest.raises(UserError, match=r"G1 has shape \(9, 4, 4, 3\), the real crops \[2, 2, 3\]"):
        evaluate(tmp_path, prepared, [np.zeros((9, 4, 4, 3), np.uint8)])
    with pytest.raises(UserError, match=r"samples\.npz has no array 'curve/G1'"):
        evaluate(tmp_path, prepared, [pixels(2, 9)], curve_steps=np.array([1]))
    with pytest.raises(UserError, match="no prepared data set in"):
        gan_evaluation.prepare_reals(tmp_path, tmp_path / "reals", FEATURES, None, "", "cpu")
    few = make_store(tmp_path / "few", pixels(0, 3), pixels(1, 3))
    with pytest.raises(UserError, match="has 3 training crops: FID needs at least 4"):
        gan_evaluation.prepare_reals(few, tmp_path / "reals", FEATURES, None, "", "cpu")
    monkeypatch.setattr(gan_evaluation, "extract", lambda network, images, *_: as_features(images) * np.float32(np.inf))
    with pytest.raises(UserError, match="not finite"), np.errstate(invalid="ignore"):
        evaluate(tmp_path, prepared, [pixels(2, 9)])


def test_damaged_samples_are_named(tmp_path, prepared):
    path = write_samples(tmp_path, [pixels(2, 200)]).file(SAMPLES)
    content = bytearray(path.read_bytes())
    content[1000] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"samples\.npz cannot be read \(BadZipFile: Bad CRC"):
        measure(RunFolder(tmp_path), prepared)


def test_preparation_that_fails_leaves_no_meta_behind(tmp_path, prepared, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    assert set(read_json(prepared / "meta.json")["floor"]) == {
        "fid.floor",
        "kid.floor",
        "kid_se.floor",
        "fid.floor_halves",
    }
    monkeypatch.setattr(gan_evaluation, "extract", fail)
    with pytest.raises(KeyboardInterrupt):
        gan_evaluation.prepare_reals(tmp_path / "store", prepared, FEATURES, None, "", "cpu")
    assert list(prepared.iterdir()) == []
