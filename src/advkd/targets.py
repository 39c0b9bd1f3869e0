"""The targets of the workflow by name, and whether somebody mistyped one.

    PYTHONPATH=src python -m advkd.targets okd_tabel1

Only the standard library is needed: `make` asks before the environment is built.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from advkd.opening import read_text
from advkd.places import SHIPPED, find_all
from advkd.suggestions import did_you_mean

RULE = re.compile(r"^rule (\w+):", re.MULTILINE)
NAME = re.compile(r"\w+")  # what has a point or a slash in it is a file to make
LATER_WAVE = re.compile(r"evidence\d+")


def names() -> list[str]:
    """Return the names of all targets of the checkout's Snakefile but the later waves of tests."""
    rules = RULE.findall(read_text(SHIPPED / "Snakefile"))
    return [*rules, *(path.stem for path in find_all(Path("paper/published"), "*_*.csv"))]


def mistyped(words: Sequence[str]) -> str:
    """Return what is wrong with the targets among the words for Snakemake, in one line, or an empty text.

    Args:
        words: targets, and behind them options.
    """
    if not Path("Snakefile").samefile(SHIPPED / "Snakefile"):  # a project may have rules of its own, in any file
        return ""
    known = names()
    for word in words:
        if word.startswith("-"):
            return ""
        if NAME.fullmatch(word) and word not in known and not LATER_WAVE.fullmatch(word):
            return f"{word!r} is no target" + (did_you_mean(word, known) or f"; there are {', '.join(known)}")
    return ""


if __name__ == "__main__":
    if fault := mistyped(sys.argv[1:]):
        sys.exit(f"advkd: {fault}")
