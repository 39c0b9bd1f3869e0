"""The numbers of a right-aligned column with their decimal points below each other.

What a number lacks behind its point, beside the longest of the column, is filled up with space: decimals, "± error",
and the signs of footnotes.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

NUMBER = re.compile(
    r"(?P<whole>[-−+]?\d[\d,]*)(?P<decimals>\.\d+)?"
    r"(?: ± (?P<error>\d[\d,]*)(?P<error_decimals>\.\d+)?)?(?P<signs>[^\w\s.,]*)"
)


class Piece(NamedTuple):
    """A part of an entry: a text, or space as wide as the text."""

    text: str
    visible: bool = True


def pad_column(texts: Sequence[str]) -> list[list[Piece]]:
    """Return the entries of a column in pieces, with space that puts their decimal points below each other.

    An entry that is no number stays as it is, at the right.
    """
    matches = [NUMBER.fullmatch(text) for text in texts]
    numbers = [match.groupdict(default="") for match in matches if match]
    longest = {part: max((number[part] for number in numbers), key=len, default="") for part in NUMBER.groupindex}
    padded = []
    for text, match in zip(texts, matches, strict=True):
        pieces = _pieces(match.groupdict(default=""), longest) if match else [Piece(text)]
        padded.append([piece for piece in pieces if piece.text])
    return padded


def _pieces(number: dict[str, str], longest: dict[str, str]) -> list[Piece]:
    lacking = {part: Piece(text[len(number[part]) :], visible=False) for part, text in longest.items()}
    value, signs = Piece(number["whole"] + number["decimals"]), Piece(number["signs"])
    if number["error"]:
        error = Piece(number["error"] + number["error_decimals"])
        pieces = [value, lacking["decimals"], Piece(" ± "), lacking["error"], error, signs, lacking["error_decimals"]]
    else:  # the signs follow the number, not the space for what it lacks
        error = Piece(f" ± {longest['error']}{longest['error_decimals']}" if longest["error"] else "", visible=False)
        pieces = [value, signs, lacking["decimals"], error]
    return [*pieces, lacking["signs"]]
