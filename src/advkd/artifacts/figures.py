"""A figure's files: PDF and PNG, with equal bytes for equal inputs, and the numbers in it as JSON."""

from collections.abc import Callable
from pathlib import Path

from advkd.artifacts import aikd_figures, gip_figures, okd_figures
from advkd.artifacts.drawing import page
from advkd.artifacts.drawing.formats import render
from advkd.artifacts.drawing.page import Drawing
from advkd.damage import attempt
from advkd.errors import UserError
from advkd.files import atomic, write_json
from advkd.progress import say
from advkd.settings.user import User

FIGURES: dict[str, Callable[[str, User], Drawing]] = {
    "okd_figure3": okd_figures.draw_generated_images,
    "aikd_figure4": aikd_figures.draw_reliability_diagrams,
    "aikd_figure5": aikd_figures.draw_reliability_diagrams,
    "aikd_figure6": aikd_figures.draw_feature_maps,
    "aikd_figure7": aikd_figures.draw_sweeps,
    "gip_figureS1": gip_figures.draw_images_over_training,
    "gip_figureS2": gip_figures.draw_class_frequencies,
    "gip_figureS3": gip_figures.draw_histories,
}

FORMATS = (".pdf", ".png")


def write_figure(figure: str, user: User, out: Path) -> None:
    """Write `figure`.pdf, .png and .json to the folder `out`; if files of its runs are damaged, the figure says so.

    Raises:
        UserError: this version cannot draw the figure.
    """
    if figure not in FIGURES:
        raise UserError(f"{figure} cannot be drawn by this version; it draws {', '.join(FIGURES)}")
    with page.style():
        drawing, damage = attempt(FIGURES[figure], figure, user)
        if drawing is None:
            say(f"{figure}: {damage}")
            reason, _ = page.page(page.WIDTH, 0, f"{figure} cannot be drawn. {damage}")
            drawing = reason, {"damage": damage}
        drawn, numbers = drawing
        for suffix in FORMATS:
            with atomic(out / f"{figure}{suffix}") as temporary:
                temporary.write_bytes(render(drawn, suffix))
    write_json(out / f"{figure}.json", numbers)
    say(f"{figure} -> {out / figure}.{{pdf,png,json}}")
