"""Figures as PDF and PNG, byte-stable for equal inputs."""

from pathlib import Path

import matplotlib
import numpy as np

from advkd import catalog, config
from advkd.errors import UserError
from advkd.files import atomic
from advkd.progress import say
from advkd.reporting import collect, status
from advkd.settings import User

matplotlib.use("agg")
import matplotlib.pyplot as plt

SHOWN = 10


def write(figure: str, user: User, out: Path) -> None:
    """Write `figure`.pdf and .png below `out`; raises UserError for a figure that this version cannot draw."""
    if figure not in FIGURES:
        raise UserError(f"{figure} cannot be drawn by this version; it draws {', '.join(FIGURES)}")
    drawn = FIGURES[figure](user)
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".png", {"Software": None})):
        with atomic(out / f"{figure}{suffix}") as temporary:
            drawn.savefig(temporary, dpi=200, metadata=metadata)
    plt.close(drawn)
    say(f"{figure} -> {out / figure}.{{pdf,png}}")


def okd_figure3(user: User) -> plt.Figure:
    """Draw the first images of every generator, one row each, as seeded noise gives them (nothing is selected)."""
    rows = []
    for cell in catalog.cells("okd_figure3"):
        one = config.resolve(f"{cell.run}/seed0", user)
        path = one.run.folder(user.scale) / "samples.npz"
        name = cell.metric.split(".")[1]
        if path.exists():
            with np.load(path) as samples:
                rows.append((cell.row, samples[name][:SHOWN]))
        else:
            state = status.state(one).split(":")[0]
            rows.append((f"{cell.row}\n({state})", np.full((SHOWN, 64, 64, 3), 255, np.uint8)))
    drawn, axes = plt.subplots(len(rows), SHOWN, figsize=(0.75 * SHOWN + 1.3, 0.75 * len(rows) + 0.65), squeeze=False)
    for line, (name, images) in zip(axes, rows, strict=True):
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image, interpolation="nearest")
        for axis in line:
            axis.set_axis_off()
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=8)
    drawn.subplots_adjust(left=0.155, right=0.995, top=0.995, bottom=0.09, wspace=0.04, hspace=0.04)
    one = config.resolve(f"{catalog.cells('okd_figure3')[0].run}/seed0", user)
    data = collect.provenance_of(one)["data"]
    about = collect.described("okd_figure3")
    drawn.text(
        0.5,
        0.008,
        f"{about['short']}, Figure 3: {about['shows']}.\n"
        f"Scale {user.scale}, seed 0, first {SHOWN} images of seeded noise, not selected. "
        f"Data: {data['name']}, {collect.describe_data(data['source'])}.",
        ha="center",
        va="bottom",
        fontsize=7,
        wrap=True,
    )
    return drawn


FIGURES = {"okd_figure3": okd_figure3}
