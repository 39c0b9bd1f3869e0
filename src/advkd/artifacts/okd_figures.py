"""What the figures of OKD-SAGAN show."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from advkd.artifacts.captions import caption
from advkd.artifacts.drawing import samples
from advkd.report import status
from advkd.settings import catalog, config
from advkd.settings.user import User

SHOWN = 10
SIDE = 64  # pixels of an empty place


def figure3(figure: str, user: User) -> tuple[Figure, dict[str, Any]]:
    """Draw the first images of every generator, one row each, as seeded noise gives them (nothing is selected).

    Its numbers: of each row the run, the generator, how many of its images are shown, and the run's state.
    """
    rows, runs, shown = [], [], []
    for cell in catalog.cells(figure):
        one = config.resolve(f"{cell.run}/seed0", user)
        path = one.run.folder(user.scale) / "samples.npz"
        generator, word = cell.metric.split(".")[1], status.state(one).split(":")[0]
        shown.append({"row": cell.row, "run": str(one.run), "generator": generator, "images": 0, "state": word})
        if path.exists():
            with np.load(path) as found:
                images = found[generator][:SHOWN]
            rows.append((cell.row, images))
            runs.append(one)
            shown[-1]["images"] = len(images)
        else:
            rows.append((f"{cell.row}\n({word})", np.full((SHOWN, SIDE, SIDE, 3), 255, np.uint8)))
    note = "Seed 0, the first images of seeded noise, not selected."
    return samples.draw(rows, caption(figure, user, runs, note)), {"rows": shown}
