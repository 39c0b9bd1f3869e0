"""What a figure is, described once for the page and the PDF."""

from dataclasses import dataclass
from pathlib import Path

from advkd.artifacts import papers
from advkd.damage import attempt, readable
from advkd.errors import UserError
from advkd.files import read_json
from advkd.opening import read_bytes
from advkd.settings import catalog
from advkd.settings.user import User

# The bytes with which a whole file begins, and those that are among its last bytes.
ENDS = {".pdf": (b"%PDF", b"%%EOF"), ".png": (b"\x89PNG", b"IEND"), ".svg": (b"<?xml", b"</svg>")}
LAST_BYTES = 32


@dataclass(frozen=True)
class FigureRecord:
    """A figure, drawn or not.

    Attributes:
        name: the figure's name, for example aikd_figure4.
        title: its title, for example "AI-KD, Figure 4: Reliability diagrams, ResNet-18".
        command: the command that draws it.
        groups: the run groups that it shows, also those that these are compared with.
        folder: the folder of its files.
        error: why the figure cannot be drawn; otherwise empty.
    """

    name: str
    title: str
    command: str
    groups: tuple[str, ...]
    folder: Path
    error: str = ""

    def file(self, *suffixes: str) -> Path:
        """Return the figure's file of the first of these suffixes (".pdf", ".png", ".svg") that can be shown.

        Raises:
            UserError: the figure cannot be drawn, is not drawn yet, or its files are damaged.
        """
        if self.error:
            raise UserError(self.error)
        paths = [self.folder / f"{self.name}{suffix}" for suffix in suffixes]
        drawn = [path for path in paths if path.exists()]
        if not drawn:
            raise UserError("not drawn yet")
        for path in drawn:
            if is_whole(path):
                return path
        raise UserError(f"{drawn[0]} is damaged: draw it again")

    def caption(self) -> str:
        """Return the figure's caption, whether or not there is anything to draw.

        Raises:
            UserError: the figure cannot be drawn, is not drawn yet, or its record is damaged or says what is.
        """
        if self.error:
            raise UserError(self.error)
        path = self.folder / f"{self.name}.json"
        if not path.exists():
            raise UserError("not drawn yet")
        with readable(str(path), "draw it again"):
            record = read_json(path)
            if "damage" in record:
                raise UserError(record["damage"])
            return str(record["caption"])

    def parts(self) -> list[list[float]]:
        """Return the parts of the figure for a phone, as `drawing.parts.Part`s; none if they are not known."""
        record, _ = attempt(read_json, self.folder / f"{self.name}.json")
        return record.get("parts", []) if isinstance(record, dict) else []

    @property
    def is_drawn(self) -> bool:
        """Whether any run was finished when the figure was made."""
        record, _ = attempt(read_json, self.folder / f"{self.name}.json")
        return isinstance(record, dict) and record.get("drawn") is True


def figure_record(name: str, user: User) -> FigureRecord:
    """Return the record of a figure at the user's scale."""
    cells, unknown = attempt(catalog.cells, name)
    title, untitled = attempt(papers.title, name)
    groups: dict[str, None] = {}
    for cell in cells or ():
        groups[cell.run] = None
        if cell.of:
            groups[cell.of] = None
    folder = Path("figures", user.scale)
    return FigureRecord(name, title or name, papers.command(name, user), tuple(groups), folder, unknown or untitled)


def is_whole(path: Path) -> bool:
    """Tell whether a PDF, PNG or SVG file begins and ends as such a file does: TeX stops at any other."""
    first, last = ENDS[path.suffix]
    content = read_bytes(path)
    return content.startswith(first) and last in content[-LAST_BYTES:]
