"""What the papers leave open or contradict and what is done here, read from the docstrings of the code that does it.

A module that makes such a choice lists it at the end of its docstring, beside the mathematics:

    Choices:
        - [okd: Eq. 8] Printed: a gradient with respect to z. Here: with respect to the interpolated image. Why: the
          text calls the term WGAN-GP's.
        - [aikd, gip] Open: the last, smaller batch of an epoch. Here: kept.

In brackets stand the papers and, behind a colon, the place in them; then a kind of choice (`KINDS`) with what it is
about, what is done here, and why, or what that costs, which may be left out. What is merely added has no `Here`. Every
part ends with a full stop or a question mark. Backticks hold the settings that make the choice, and nothing else. A
choice of several papers becomes one of each.

What the settings are is not written there: `advkd.report.deviations` takes that from config/ and the schemas.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from advkd.errors import UserError
from advkd.runs.provenance import PACKAGE
from advkd.settings import config

SECTION, ITEM, MORE = "Choices:", "    - ", "      "
TAGGED = re.compile(r"\[(?P<papers>[^]:]+)(?:: (?P<place>[^]]+))?\] (?P<parts>.+)")
LABEL = re.compile(r"(?:^|(?<=[.?]) )([A-Z][a-z]+): ")
HERE, WHY, ADDED = "Here", "Why", "Added"
FOLDERS = ("methods", "models", "data", "training", "metrics")  # in which a reader of a paper wants to meet them
PLACES = ("abstract", "section", "Eq", "Algorithm", "Figure", "Table")


class Kind(NamedTuple):
    """A kind of choice: the title of a table of them, and what its columns of subject and reason are called."""

    title: str
    subject: str
    why: str = "why"


KINDS = {
    "Printed": Kind("Read differently from what is printed", "printed"),
    "Open": Kind("Left open by the paper", "question"),
    "Published": Kind("Methods compared with", "as published"),
    "Usual": Kind("Done otherwise for speed or size", "usual", "why, and what it costs"),
    "Measured": Kind("Measured so", "what"),
    ADDED: Kind("Added, not in the paper", "what"),
}


class Choice(NamedTuple):
    """One documented choice, in plain text but for backticks around keys.

    paper: okd, aikd or gip. kind: of `KINDS`. place: in the paper, or the method compared with; may be empty. subject:
    what is printed, asked, published, usual, measured or added. done: what is done here, empty for what is added. why:
    the reason or the cost, may be empty. keys: the settings named, in their order. source: the file, below the package.
    """

    paper: str
    kind: str
    place: str
    subject: str
    done: str
    why: str
    keys: tuple[str, ...]
    source: str


def gather(package: Path = PACKAGE) -> list[Choice]:
    """Return the choices that the modules of the package document, by paper and kind, in the order of reading.

    Raises:
        UserError: a choice that is not written as the module says, or that names an unknown paper or setting.
    """
    found = [
        choice
        for path in sorted(package.rglob("*.py"), key=lambda path: _reading(path.relative_to(package).parts))
        for line, text in _items(path)
        for choice in read(text, path.relative_to(package).as_posix(), f"{path}:{line}")
    ]
    papers, kinds = list(config.PAPERS), list(KINDS)
    return sorted(found, key=lambda one: (papers.index(one.paper), kinds.index(one.kind), _order(one)))


def _reading(parts: tuple[str, ...]) -> tuple[Any, ...]:
    return FOLDERS.index(parts[0]) if parts[0] in FOLDERS else len(FOLDERS), parts


def _order(choice: Choice) -> tuple[Any, ...]:
    """Return what sorts the choices of a kind: the place where each has one, otherwise their order in the files."""
    if choice.kind not in ("Printed", "Published"):
        return ()
    numbers = [int(number) for number in re.findall(r"\d+", choice.place)]
    rank = next((rank for rank, word in enumerate(PLACES) if choice.place.startswith(word)), len(PLACES))
    return rank, numbers, choice.place


def _items(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the choices of a file's docstring, each in one line, and the number of the line that it begins in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree, clean=False) or ""
    if SECTION not in (lines := docstring.split("\n")):
        return
    first = lines.index(SECTION) + 1
    begun: list[str] = []
    start = 0
    for number, line in enumerate(lines[first:], tree.body[0].lineno + first):
        if line.startswith(ITEM):
            if begun:
                yield start, " ".join(begun)
            begun, start = [line.removeprefix(ITEM).strip()], number
        elif begun and line.startswith(MORE):
            begun.append(line.strip())
        elif line.strip():
            _refuse(f"{path}:{number}", f"after {SECTION} come lines that begin with {ITEM!r} or, inside, {MORE!r}")
    if not begun:
        _refuse(f"{path}:{tree.body[0].lineno + first - 1}", "no choice is listed")
    yield start, " ".join(begun)


def read(text: str, source: str, where: str) -> list[Choice]:
    """Return the choices, one a paper, that a text in one line writes down; `where` is for the UserError."""
    tagged = TAGGED.fullmatch(text)
    if not tagged:
        _refuse(where, "a choice begins with [PAPERS] or [PAPERS: PLACE]")
    before, *parts = LABEL.split(tagged["parts"])
    labels, texts = parts[::2], parts[1::2]
    kind = labels[0] if labels and not before else ""
    if kind not in KINDS:
        _refuse(where, f"behind the brackets comes one of {', '.join(f'{name}:' for name in KINDS)}")
    expected = [kind, WHY] if kind == ADDED else [kind, HERE, WHY]
    if labels not in (expected, expected[:-1]):
        _refuse(where, f"expected {': … '.join(expected)}: …, found {': … '.join(labels)}: …")
    for label, part in zip(labels, texts, strict=True):
        if not re.fullmatch(r".*\S[.?]", part):
            _refuse(where, f"what follows {label}: ends with neither a full stop nor a question mark")
    if text.count("`") % 2:
        _refuse(where, "a backtick has no second one")
    told = dict(zip(labels, (part.removesuffix(".") for part in texts), strict=True))
    keys = tuple(dict.fromkeys(re.findall(r"`([^`]*)`", text)))
    papers = tagged["papers"].split(", ")
    for paper in papers:
        if paper not in config.PAPERS:
            _refuse(where, f"{paper!r} is no paper: {', '.join(config.PAPERS)}")
        for key in keys:
            if key not in config.PAPERS[paper].model_fields:
                _refuse(where, f"{key!r} is in backticks, which hold settings, but {paper} has no such setting")
    rest = (tagged["place"] or "", told[kind], told.get(HERE, ""), told.get(WHY, ""), keys, source)
    return [Choice(paper, kind, *rest) for paper in papers]


def _refuse(where: str, what: str) -> NoReturn:
    raise UserError(f"{where}: {what}; see advkd/report/choices.py")
