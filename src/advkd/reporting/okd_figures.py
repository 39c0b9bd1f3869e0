"""What the figures of OKD-SAGAN show."""

import numpy as np
from matplotlib.figure import Figure

from advkd import catalog, config
from advkd.reporting import status
from advkd.reporting.captions import caption
from advkd.reporting.drawing import samples
from advkd.settings import User

SHOWN = 10
SIDE = 64  # pixels of an empty place


def figure3(figure: str, user: User) -> tuple[Figure, None]:
    """Draw the first images of every generator, one row each, as seeded noise gives them (nothing is selected)."""
    rows, runs = [], []
    for cell in catalog.cells(figure):
        one = config.resolve(f"{cell.run}/seed0", user)
        path = one.run.folder(user.scale) / "samples.npz"
        if path.exists():
            with np.load(path) as found:
                rows.append((cell.row, found[cell.metric.split(".")[1]][:SHOWN]))
            runs.append(one)
        else:
            word = status.state(one).split(":")[0]
            rows.append((f"{cell.row}\n({word})", np.full((SHOWN, SIDE, SIDE, 3), 255, np.uint8)))
    note = f"Seed 0, first {SHOWN} images of seeded noise, not selected."
    return samples.draw(rows, caption(figure, user, runs, note)), None
