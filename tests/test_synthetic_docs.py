"""The commands of docs/synthetic-data.md, one after the other on a folder of images, and the runs that it names."""

import csv
import re
import shlex

import pytest
from trained_photos import CLASSES, draw_photos

from advkd.settings import config
from checkouts import ROOT, advkd, copy_checkout, snakemake

PAGE = (ROOT / "docs/synthetic-data.md").read_text(encoding="utf-8")
COMMANDS = [command for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
            for command in block.splitlines()]  # fmt: skip
TINY = "override={okd: {iterations: 4, early_iteration: 0, fakes: 8, curve_points: 0}, aikd: {epochs: 1}}"
IN_ONE = "generator=acgan_okd"


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A checkout in which the commands were run at scale smoke, the photos, and what each command printed."""
    root = tmp_path_factory.mktemp("synthetic")
    folder, photos = copy_checkout(root / "checkout"), draw_photos(root / "photos")
    printed = []
    for command in COMMANDS:
        text = command.replace("/my/photos", str(photos)).replace("scale=gpu", "scale=smoke")
        program, *words = shlex.split(text)
        words.insert(words.index("--config") + 1, TINY)
        if program == "snakemake":
            done = snakemake(folder, *(["-n"] if IN_ONE in command else []), *words)
        else:
            done = advkd(folder, *words)
        printed.append(done.stdout + done.stderr)
    return folder, photos, dict(zip(COMMANDS, printed, strict=True))


def output_of(worked, words):
    (printed,) = [text for command, text in worked[2].items() if words in command]
    return printed


def test_only_the_run_that_asks_for_them_trains_with_the_drawn_images(worked):
    folder, photos, _ = worked
    runs = folder / "results/smoke/runs/aikd/mine/preact_resnet18"
    counts = re.compile(r"trains on (\d+) images( \(400 of them generated\))? of 2 classes of mine, evaluates on (\d+)")
    found = [
        counts.search((runs / method / "seed0/log.txt").read_text()).groups()
        for method in ("baseline", "baseline+generator=folder")
    ]
    (real, none, evaluated), (trained_on, some, same) = found
    assert int(trained_on) == int(real) + 400 and evaluated == same and some and not none
    for name in CLASSES:
        assert len(list((photos / "synthetic" / name).glob("*.png"))) == 200
    with (photos / "synthetic/images.csv").open(newline="") as file:
        assert {row["generator"] for row in csv.DictReader(file)} == {"G1", "G2", "G3"}


def test_both_are_compared_on_the_same_photos_and_lead_back_to_the_generator(worked):
    assert "Top-1 error on the same images" in output_of(worked, "advkd measure")
    assert re.search(
        r"images of   okd/mine/acgan/okd\+training_set=classifier/seed0, weights [0-9a-f]{64}",
        output_of(worked, "advkd explain"),
    )
    assert "derive" in output_of(worked, IN_ONE)


def test_every_run_of_the_page_can_be_built():
    user = config.user({"scale": "gpu", "folders": {"mine": "/nowhere"}})
    names = set(re.findall(r"(?:okd|aikd)/mine/[\w/+=.]+/seed0", PAGE))
    own = "aikd/mine/preact_resnet18/baseline{}/seed0"
    names |= {own.format(variant) for variant in re.findall(r"`(\+[\w+=]+)`", PAGE)}
    assert len(names) > 8
    for name in names:
        config.resolve(name, user)
