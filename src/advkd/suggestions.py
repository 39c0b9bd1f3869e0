"""Guesses which of the known words somebody meant who mistyped one. Only the standard library is needed."""

import difflib
from collections.abc import Iterable

ALIKE = 0.6  # at least so alike are a mistyped word and what is suggested, between 0 and 1
MOST = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean A or B?`, the likeliest first, or an empty text if no known word is like `word`."""
    by_small_letters = {name.lower(): name for name in known}
    alike = difflib.get_close_matches(word.lower(), by_small_letters, n=MOST, cutoff=ALIKE)
    return f"; did you mean {' or '.join(by_small_letters[name] for name in alike)}?" if alike else ""
