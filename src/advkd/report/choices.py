"""Read the documented choices from the docstrings of the code.

A choice says what a paper leaves open or contradicts, and what this package does. The module that makes a choice lists
it at the end of its docstring, beside the mathematics:

    Choices:
        - [okd: Eq. 8] Printed: a gradient with respect to z. Here: with respect to the interpolated image. Why: the
          text calls the term WGAN-GP's.
        - [aikd, gip] Open: the last, smaller batch of an epoch. Here: kept.

The brackets name the papers and, after a colon, the place in the paper. Then comes the kind of the choice (`KINDS`)
with its subject, then what is done here (`Here`), then the reason or the cost (`Why`), which is optional. An addition
(`Added`) has no `Here`. Every part ends with a full stop or a question mark. Backticks enclose the settings that
control the choice, and nothing else. A choice that names several papers becomes one choice for each.

The values of the settings are not written there: `advkd.report.deviations` takes them from config/ and the schemas.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from advkd.errors import UserError
from advkd.places import PACKAGE
from advkd.schema import keys_of
from advkd.settings import config
from advkd.settings.papers import RUN_CLASSES

SECTION, ITEM, CONTINUATION = "Choices:", "    - ", "      "
TAGGED = re.compile(r"\[(?P<papers>[^]:]+)(?:: (?P<place>[^]]+))?\] (?P<parts>.+)")
LABEL = re.compile(r"(?:^|(?<=[.?]) )([A-Z][a-z]+): ")
HERE, WHY, ADDED = "Here", "Why", "Added"
FOLDERS = ("methods", "models", "data", "training", "metrics")  # the order in which choices are listed
PLACES = ("abstract", "section", "Eq", "Algorithm", "Figure", "Table")  # the order of places in a paper


class Kind(NamedTuple):
    """A kind of choice: the title of its table, and the headings of the columns for the subject and the reason."""

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
    """One documented choice, in plain text except for backticks around settings.

    Attributes:
        paper: okd, aikd or gip.
        kind: a key of `KINDS`.
        place: the place in the paper, or the method compared with; may be empty.
        subject: what is printed, asked, published, usual, measured or added.
        done: what is done here; empty for an addition.
        why: the reason or the cost; may be empty.
        settings: the names of the settings that control the choice, in the order of the text.
        source: the file that documents the choice, relative to the package.
    """

    paper: str
    kind: str
    place: str
    subject: str
    done: str
    why: str
    settings: tuple[str, ...]
    source: str


def gather_choices(package: Path = PACKAGE) -> list[Choice]:
    """Return the choices that the modules of the package document, sorted by paper, kind and place.

    Raises:
        UserError: a choice has another form than this module describes, or names an unknown paper or setting.
    """
    choices: list[Choice] = []
    for path in sorted(package.rglob("*.py"), key=lambda path: _file_order(path.relative_to(package).parts)):
        source = path.relative_to(package).as_posix()
        for line, text in _items(path):
            choices += parse_choice(text, source, f"{path}:{line}")
    papers, kinds = list(config.PAPERS), list(KINDS)
    return sorted(
        choices, key=lambda choice: (papers.index(choice.paper), kinds.index(choice.kind), _place_order(choice))
    )


def _file_order(parts: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Return the sort key of a module, given the parts of its path below the package."""
    return FOLDERS.index(parts[0]) if parts[0] in FOLDERS else len(FOLDERS), parts


def _place_order(choice: Choice) -> tuple[int, list[int], str]:
    """Return the sort key of a choice within its kind.

    Choices of kinds that always name a place are sorted by it. The others keep the order of the files.
    """
    if choice.kind not in ("Printed", "Published"):
        return 0, [], ""
    numbers = [int(number) for number in re.findall(r"\d+", choice.place)]
    rank = len(PLACES)
    for index, prefix in enumerate(PLACES):
        if choice.place.startswith(prefix):
            rank = index
            break
    return rank, numbers, choice.place


def _items(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the choices of a file's docstring: the number of the line where each begins, and its text in one line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree, clean=False) or ""
    lines = docstring.split("\n")
    if SECTION not in lines:
        return
    first = lines.index(SECTION) + 1
    first_number = tree.body[0].lineno + first
    item: list[str] = []
    item_number = 0
    for number, line in enumerate(lines[first:], first_number):
        if line.startswith(ITEM):
            if item:
                yield item_number, " ".join(item)
            item, item_number = [line.removeprefix(ITEM).strip()], number
        elif item and line.startswith(CONTINUATION):
            item.append(line.strip())
        elif line.strip():
            _refuse(
                f"{path}:{number}",
                f"lines after {SECTION} begin with {ITEM!r} or, within a choice, with {CONTINUATION!r}",
            )
    if not item:
        _refuse(f"{path}:{first_number - 1}", "no choice is listed")
    yield item_number, " ".join(item)


def parse_choice(text: str, source: str, where: str) -> list[Choice]:
    """Return the choices, one for each paper, that a text in one line documents.

    Args:
        text: the choice, as it follows the dash.
        source: the file that documents it, relative to the package.
        where: file and line, for error messages.

    Raises:
        UserError: the text has another form than this module describes, or names an unknown paper or setting.
    """
    tagged = TAGGED.fullmatch(text)
    if not tagged:
        _refuse(where, "a choice begins with [PAPERS] or [PAPERS: PLACE]")
    parts = _split_parts(tagged["parts"], where)
    if text.count("`") % 2:
        _refuse(where, "a backtick is not closed")
    settings = tuple(dict.fromkeys(re.findall(r"`([^`]*)`", text)))
    papers = tagged["papers"].split(", ")
    _check_names(papers, settings, where)
    kind = next(iter(parts))
    place = tagged["place"] or ""
    done, why = parts.get(HERE, ""), parts.get(WHY, "")
    return [Choice(paper, kind, place, parts[kind], done, why, settings, source) for paper in papers]


def _split_parts(text: str, where: str) -> dict[str, str]:
    """Return the parts of a choice by label, without their full stops; the first label is the kind of the choice."""
    before, *pieces = LABEL.split(text)
    labels, texts = pieces[::2], pieces[1::2]
    kind = labels[0] if labels and not before else ""
    if kind not in KINDS:
        _refuse(where, f"after the brackets comes one of {', '.join(f'{name}:' for name in KINDS)}")
    expected = [kind, WHY] if kind == ADDED else [kind, HERE, WHY]
    if labels not in (expected, expected[:-1]):
        _refuse(where, f"expected {': … '.join(expected)}: …, found {': … '.join(labels)}: …")
    for label, part in zip(labels, texts, strict=True):
        if not re.fullmatch(r".*\S[.?]", part):
            _refuse(where, f"the text after {label}: ends with neither a full stop nor a question mark")
    return {label: part.removesuffix(".") for label, part in zip(labels, texts, strict=True)}


def _check_names(papers: list[str], settings: tuple[str, ...], where: str) -> None:
    """Raise a UserError if a paper does not exist or lacks one of the settings."""
    for paper in papers:
        if paper not in config.PAPERS:
            _refuse(where, f"{paper!r} is not a paper: {', '.join(config.PAPERS)}")
        for name in settings:
            if name not in keys_of(RUN_CLASSES[paper]):
                _refuse(where, f"{name!r} is in backticks, which enclose settings, but {paper} has no such setting")


def _refuse(where: str, problem: str) -> NoReturn:
    raise UserError(f"{where}: {problem}; see advkd/report/choices.py")
