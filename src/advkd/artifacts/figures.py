"""A figure's files: PDF, PNG and SVG, with equal bytes for equal inputs, and its caption and numbers as JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from advkd.artifacts import aikd_figures, gip_figures, okd_figures, usefulness_figures
from advkd.artifacts.drawing import page
from advkd.artifacts.drawing.formats import METADATA, render
from advkd.artifacts.drawing.page import Drawing
from advkd.artifacts.drawing.parts import parts
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import atomic, write_json
from advkd.progress import say
from advkd.settings.user import User

FIGURES: dict[str, Callable[[str, User], Drawing]] = {
    "okd_figure3": okd_figures.draw_generated_images,
    "okd_figureS1": usefulness_figures.draw_learning_curves,
    "aikd_figure4": aikd_figures.draw_reliability_diagrams,
    "aikd_figure5": aikd_figures.draw_reliability_diagrams,
    "aikd_figure6": aikd_figures.draw_feature_maps,
    "aikd_figure7": aikd_figures.draw_sweeps,
    "gip_figureS1": gip_figures.draw_images_over_training,
    "gip_figureS2": gip_figures.draw_class_frequencies,
    "gip_figureS3": gip_figures.draw_histories,
}


def write_figure(figure: str, user: User, out: Path) -> None:
    """Write `figure`.pdf, .png, .svg and .json to the folder `out`; if files of its runs are damaged, it says so.

    The JSON file has the numbers in the figure and its caption, which is no part of the drawing. Without a finished
    run, or with a damaged one, the files exist and say why nothing is drawn.

    Raises:
        UserError: this version cannot draw the figure.
    """
    if figure not in FIGURES:
        raise UserError(f"{figure} cannot be drawn by this version; it draws {', '.join(FIGURES)}")
    with page.style():
        drawing, damage = attempt(FIGURES[figure], figure, user)
        if drawing is None:
            say(f"{figure}: {damage}")
            record: dict[str, Any] = {"damage": damage}
            drawn, caption = None, f"{figure} cannot be drawn. {damage}"
        else:
            drawn, caption, numbers = drawing
            record = {"caption": caption, "drawn": drawn is not None, "numbers": numbers}
        if drawn is not None:
            record["parts"] = parts(drawn)
        drawn = drawn or page.notice(caption)
        for suffix in METADATA:
            with atomic(out / f"{figure}{suffix}") as temporary:
                temporary.write_bytes(render(drawn, suffix, caption))
    write_json(out / f"{figure}.json", record)
    say(f"{figure} -> {out / figure}.{{pdf,png,svg,json}}")
