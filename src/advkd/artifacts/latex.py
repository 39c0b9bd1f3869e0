"""LaTeX: text with every special character escaped, and tables as floats that only need the package booktabs."""

import re
from functools import cache

import pandas as pd
from pylatexenc.latexencode import UnicodeToLatexEncoder

from advkd.artifacts.table_layout import Entry
from advkd.artifacts.table_records import TableRecord
from advkd.runs import provenance
from advkd.settings.tags import tags
from advkd.settings.user import User

_ENCODER = UnicodeToLatexEncoder(
    replacement_latex_protection="braces-after-macro", unknown_char_policy="unihex", unknown_char_warning=False
)
MARKS = {"bold": r"\textbf{%s}", "underline": r"\underline{%s}", "": "%s"}
TAG_WIDTH = 3  # characters
# A reader's own document shows no tags; paper/report.tex makes each a link to the run group behind the number.
PREAMBLE = r"\providecommand{\runtag}[1]{}"


def escape(text: str) -> str:
    """Return text in LaTeX, in ASCII; a character for which LaTeX has no name becomes its code point."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    with_opening_quotes = re.sub(r'(?<![^\s(])"', "“", printable)
    written = _ENCODER.unicode_to_latex(with_opening_quotes)
    return re.sub(r"([-,`])(?=\1)", r"\1{}", written)  # TeX would make a dash of two hyphens, as in --cores


def table_to_latex(frame: pd.DataFrame, record: TableRecord, user: User) -> str:
    """Return a table (a frame of `table_layout.Entry`) as a float, after comments that say what it was made from."""
    known_tags = tags(user)

    def write_entry(entry: Entry) -> str:
        text = MARKS[entry.mark] % escape(entry.text)
        if entry.run in known_tags:
            text += rf"\runtag{{{known_tags[entry.run]}}}"
        return text

    body = (
        frame.map(write_entry)
        .style.format_index(escape, axis=0)
        .format_index(escape, axis=1)
        .to_latex(
            hrules=True,
            label=f"tab:{record.name}",
            caption=escape(record.caption),
            column_format="l" * frame.index.nlevels + "r" * frame.shape[1],
            multicol_align="c",
            multirow_align="naive",
            position_float="centering",
        )
    )
    return "\n".join([*origin_comments(record), PREAMBLE, body])


def table_width(frame: pd.DataFrame) -> int:
    """Return the approximate width of a table (a frame of `table_layout.Entry`) in characters."""
    width = 0
    for level in range(frame.index.nlevels):
        width += max(len(name) for name in frame.index.get_level_values(level))
    entry_widths = frame.map(lambda entry: len(entry.text) + (TAG_WIDTH if entry.run else 0))
    for head, whose in frame.columns:
        width += max(len(whose), entry_widths[head, whose].max()) + 1
    return width


def origin_comments(record: TableRecord) -> list[str]:
    """Return comments that name the command, the commit and the configurations that a table was made from."""
    hashes: dict[str, str] = {}
    for row in record.rows:
        names, config_hashes = row.get("runs", "").split(), row.get("config_hashes", "").split()
        hashes.update(zip(names, config_hashes, strict=True))
    return [
        f"% Made by: {record.command}",
        f"% Commit: {commit_in_words()}",
        r"% Needs \usepackage{booktabs}",
        *(f"% {run} {config_hash}" for run, config_hash in hashes.items()),
    ]


@cache
def commit_in_words() -> str:
    """Return the commit of the checkout, and whether anything was changed since."""
    code = provenance.commit()
    return (code["commit"] or "no checkout") + (" with changes" if code["changed"] else "")
