"""Figures as PDF and PNG, byte-stable for equal inputs, with what they show in a JSON file beside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from advkd.artifacts import aikd_figures, gip_figures, okd_figures
from advkd.artifacts.drawing import page
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import atomic, write_json
from advkd.progress import say
from advkd.settings.user import User

FIGURES: dict[str, Callable[[str, User], tuple[Figure, dict[str, Any]]]] = {
    "okd_figure3": okd_figures.figure3,
    "aikd_figure4": aikd_figures.reliability_diagrams,
    "aikd_figure5": aikd_figures.reliability_diagrams,
    "aikd_figure6": aikd_figures.figure6,
    "aikd_figure7": aikd_figures.figure7,
    "gip_figureS1": gip_figures.figure_s1,
    "gip_figureS2": gip_figures.figure_s2,
    "gip_figureS3": gip_figures.figure_s3,
}
WIDTH = 7.0  # inches
# Without times and versions.
FORMATS = {".pdf": {"CreationDate": None}, ".png": {"Software": None}}


def write(figure: str, user: User, out: Path) -> None:
    """Write `figure`.pdf, .png and .json below `out`; where files of its runs are damaged, they say so.

    Raises:
        UserError: a figure that this version cannot draw.
    """
    if figure not in FIGURES:
        raise UserError(f"{figure} cannot be drawn by this version; it draws {', '.join(FIGURES)}")
    with matplotlib.rc_context(page.STYLE):
        found, damage = attempt(FIGURES[figure], figure, user)
        if damage:
            say(f"{figure}: {damage}")
        drawn, numbers = found or (page.page(WIDTH, 0, f"{figure} cannot be drawn. {damage}")[0], {"damage": damage})
        for suffix, metadata in FORMATS.items():
            with atomic(out / f"{figure}{suffix}") as temporary:
                drawn.savefig(temporary, dpi=200, metadata=metadata)
    write_json(out / f"{figure}.json", numbers)
    say(f"{figure} -> {out / figure}.{{pdf,png,json}}")
