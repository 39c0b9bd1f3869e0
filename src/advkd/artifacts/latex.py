"""LaTeX: text with every special character escaped, and tables as floats that only need the package booktabs."""

import re
from functools import cache

import pandas as pd
from pylatexenc.latexencode import RULE_CALLABLE, UnicodeToLatexConversionRule, UnicodeToLatexEncoder

from advkd.artifacts.alignment import Piece, pad_column
from advkd.artifacts.mathematics import set_formulas
from advkd.artifacts.plain_text import printable
from advkd.artifacts.table_records import TableRecord
from advkd.runs import provenance
from advkd.settings.tags import tags
from advkd.settings.user import User

# The characters that LaTeX sets without a package: letters with accents, Greek, and some signs. For many others the
# encoder has macros too, which stop TeX unless a font or a package defines them, Cyrillic's for example.
SETTABLE = (
    r"\x20-\x7e\u00a1-\u00aa\u00ac\u00ae-\u00b7\u00b9\u00ba\u00bc-\u00cf\u00d1-\u00dd\u00df-\u00ef\u00f1-\u00fd\u00ff-\u0103"
    r"\u0106-\u010f\u0112-\u0117\u011a-\u012d\u0130-\u0148\u014c-\u0171\u0174-\u017e\u0391-\u03a1\u03a3-\u03c9"
    r"‐–—‘’“”†‡•…‰€−×→←↔⇒∈∑∏√∝∞∩∪∫∼≈≠≡≤≥⟨⟩"
)


def _code_point(text: str, place: int) -> tuple[int, str] | None:
    """Return a character that LaTeX may not know as its code point, as the encoder's rules are written."""
    character = text[place]
    if re.match(f"[{SETTABLE}]", character):
        return None
    return 1, rf"\ensuremath{{\langle}}\texttt{{U+{ord(character):04X}}}\ensuremath{{\rangle}}"


_ENCODER = UnicodeToLatexEncoder(
    conversion_rules=[UnicodeToLatexConversionRule(RULE_CALLABLE, _code_point), "defaults"],
    replacement_latex_protection="braces-after-macro",
    unknown_char_policy="unihex",
    unknown_char_warning=False,
)
MARKS = {"bold": r"\textbf{%s}", "underline": r"\underline{%s}", "": "%s"}
TAG_WIDTH = 3  # characters
# A reader's own document shows no tags; paper/report.tex makes each a link to the run group behind the number.
PREAMBLE = r"\providecommand{\runtag}[1]{}"


def escape(text: str) -> str:
    """Return text in LaTeX, in ASCII and one line; a character that plain LaTeX cannot set becomes its code point."""
    with_opening_quotes = re.sub(r'(?<![^\s(])"', "“", printable(re.sub(r"\s", " ", text)))
    written = _ENCODER.unicode_to_latex(with_opening_quotes)
    # TeX would make a dash of two hyphens, as in --cores, and a Spanish mark of ?`.
    return re.sub(r"([-,`])(?=\1)|[?!](?=`)", r"\g<0>{}", written)


def prose(text: str) -> str:
    """Return text in LaTeX with its formulas in math mode."""
    return set_formulas(text, escape)


def write_number(pieces: list[Piece], mark: str) -> str:
    """Return an entry in LaTeX; `mark`, a format with one %s, is laid around it, and not around the space behind it."""
    last = max((place for place, piece in enumerate(pieces) if piece.visible), default=-1)
    texts = [escape(piece.text) if piece.visible else rf"\phantom{{{escape(piece.text)}}}" for piece in pieces]
    return (mark % "".join(texts[: last + 1])) + "".join(texts[last + 1 :])


def table_to_latex(frame: pd.DataFrame, record: TableRecord, user: User) -> str:
    """Return a table (a frame of `table_layout.Entry`) as a float, after comments that say what it was made from."""
    known_tags = tags(user)

    def write_column(column: pd.Series) -> list[str]:
        written = []
        for entry, pieces in zip(column, pad_column([entry.text for entry in column]), strict=True):
            text = write_number(pieces, MARKS[entry.mark])
            written.append(text + (rf"\runtag{{{known_tags[entry.run]}}}" if entry.run in known_tags else ""))
        return written

    body = (
        frame.apply(write_column)
        .style.format_index(prose, axis=0)
        .format_index(prose, axis=1)
        .to_latex(
            hrules=True,
            label=f"tab:{record.name}",
            caption=prose(record.caption),
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
