"""The figure of OKD-SAGAN: what it shows, and the numbers in it."""

from advkd.artifacts.drawing import samples
from advkd.artifacts.drawing.page import Drawing
from advkd.artifacts.figure_captions import figure_caption
from advkd.errors import UserError
from advkd.runs.folder_names import SAMPLES
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.state import Kind
from advkd.settings import catalog, config
from advkd.settings.user import User

SEED = 0
SHOWN = 10  # images of each generator


def draw_generated_images(figure: str, user: User) -> Drawing:
    """Draw Figure 3: the first images of seeded noise of every generator, one row each; nothing is selected.

    The numbers say for each row the run, its state, the generator, and how many of its images are shown.
    """
    rows, shown, numbers = [], [], []
    left_out: dict[str, str] = {}
    for cell in catalog.cells(figure):
        run = config.resolve(f"{cell.run}/seed{SEED}", user)
        folder, state = folder_of(run), state_of(run)
        if state.kind is Kind.DAMAGED:
            raise UserError(state.detail)
        generator = cell.metric.split(".")[1]
        if folder.has(SAMPLES) and state.kind is not Kind.STALE:
            (images,) = folder.samples(generator)
            images = images[:SHOWN]
            rows.append((cell.row, images))
            shown.append(run)
            count = len(images)
        else:
            left_out[cell.row] = state.word
            count = 0
        about = {"row": cell.row, "run": str(run.run), "generator": generator}
        numbers.append({**about, "images": count, "state": state.word})
    note = f"Seed {SEED}, the first images of seeded noise, not selected."
    caption = figure_caption(figure, user, shown, note, left_out)
    return Drawing(samples.draw(rows) if rows else None, caption, {"rows": numbers})
