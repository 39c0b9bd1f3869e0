"""Data that cannot be had stop only what needs them: graphs of jobs are built, and other stores are prepared."""

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from advkd.settings import catalog, config
from checkouts import snakemake

MINE = "aikd/mine/preact_resnet18/baseline/seed0"
CIFAR = "gip/cifar10/resnet18/baseline/seed0"
REDUCED = {"scale": "reduced", "mirror": "mirror", "data_root": "data"}  # an empty mirror
SPOILT = {
    "no archive": lambda store: None,
    "a store without its description": lambda store: store.mkdir(parents=True),
    "a damaged description": lambda store: write(store / "meta.json", "{"),
    "a description of another store": lambda store: write(store / "meta.json", "{}"),
    "a file in a store's place": lambda store: write(store, ""),
    "a folder in a description's place": lambda store: (store / "meta.json").mkdir(parents=True),
    "a link to nowhere": lambda store: link(store, "nowhere"),
    "a link to itself": lambda store: link(store, store.name),
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def options(values: dict) -> list[str]:
    return ["--config", *(f"{key}={json.dumps(value)}" for key, value in values.items())]


def test_whatever_lies_in_a_store_s_place_everything_is_planned(checkout):
    """Each of these lies in the place of another store, in one checkout."""
    (checkout / "mirror").mkdir()
    runs = catalog.stores(catalog.all_runs(config.user(REDUCED)).values())
    for (kind, spoil), store in zip(SPOILT.items(), runs, strict=False):
        spoil(checkout / "data/stores" / store)
        assert kind == "no archive" or os.path.lexists(checkout / "data/stores" / store)
    assert len(runs) >= len(SPOILT)
    done = snakemake(checkout, "-n", "all", *options({**REDUCED, "retrain": "stale"}))
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed and "Error" not in printed
    assert all(f"rule {name}:" in printed for name in ("fetch", "prepare", "train", "evaluate", "table", "figure"))
    for store, resolved in runs.items():
        assert f"output: data/stores/{store}/meta.json\n" in printed and f"run={resolved.run}\n" in printed, store


def test_an_archive_that_the_mirror_lacks_stops_only_its_own_store(checkout):
    (checkout / "mirror").mkdir()
    draw = np.random.default_rng(0)
    for number in range(40):
        path = checkout / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (40, 40, 3), np.uint8)).save(path)
    settings = {**REDUCED, "folders": {"mine": str(checkout / "photos")}, "runs": [MINE]}
    user = config.user(settings)
    mine, cifar = (f"data/stores/{config.resolve(name, user).store}/meta.json" for name in (MINE, CIFAR))
    done = snakemake(checkout, cifar, mine, *options(settings), check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in printed
    assert "advkd fetch: " in printed and "mirror holds neither the archive" in printed
    assert (checkout / mine).exists() and not (checkout / cifar).parent.exists()
    assert not list(checkout.glob("data/archives/cifar10*.json"))
