"""LaTeX: text with every special character escaped, and tables as floats that need no package but booktabs."""

import re
from functools import cache
from typing import Any

import pandas as pd
from pylatexenc.latexencode import UnicodeToLatexEncoder

from advkd.runs import provenance
from advkd.settings import config
from advkd.settings.tags import tags
from advkd.settings.user import User

_ENCODER = UnicodeToLatexEncoder(
    replacement_latex_protection="braces-after-macro", unknown_char_policy="unihex", unknown_char_warning=False
)
STYLES = {"bold": r"\textbf{%s}", "underline": r"\underline{%s}", "": "%s"}
# A reader's own document shows no tags; paper/report.tex makes each a link to the run group behind the number.
PREAMBLE = r"\providecommand{\runtag}[1]{}"


def escape(text: str) -> str:
    """Return text as LaTeX shows it, in ASCII; a character without a LaTeX name becomes its code point."""
    opened = re.sub(r'(?<![^\s(])"', "“", "".join(letter if letter.isprintable() else " " for letter in text))
    written = _ENCODER.unicode_to_latex(opened)
    return re.sub(r"([-,`])(?=\1)", r"\1{}", written)  # TeX would make a dash of two hyphens, as in --cores


def table(frame: pd.DataFrame, words: str, name: str, rows: list[dict[str, Any]], user: User) -> str:
    """Return a table (of `tables.Entry`) as a float, after comments that say what it comes from.

    words: the caption. rows: of `collect.collect`.
    """
    tagged = tags(user)

    def entry(one: Any) -> str:
        shown = STYLES[one.mark] % escape(one.text)
        return shown + (rf"\runtag{{{tagged[one.run]}}}" if one.run in tagged else "")

    body = (
        frame.map(entry)
        .style.format_index(escape, axis=0)
        .format_index(escape, axis=1)
        .to_latex(
            hrules=True,
            label=f"tab:{name}",
            caption=escape(words),
            column_format="l" * frame.index.nlevels + "r" * frame.shape[1],
            multicol_align="c",
            multirow_align="naive",
            position_float="centering",
        )
    )
    return "\n".join([*origin(name, rows, user), PREAMBLE, body])


def width(frame: pd.DataFrame) -> int:
    """Return about how many letters a table is wide."""
    names = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    shown = frame.map(lambda entry: len(entry.text) + 3 * bool(entry.run))
    columns = [max(len(sub), shown[head, sub].max()) + 1 for head, sub in frame.columns]
    return sum(max(map(len, name)) for name in names) + sum(columns)


def origin(name: str, rows: list[dict[str, Any]], user: User) -> list[str]:
    """Return comments that name the command, the code and the configurations that a table comes from."""
    hashes = {
        run: hashed
        for row in rows
        for run, hashed in zip(row.get("runs", "").split(), row.get("config_hashes", "").split(), strict=True)
    }
    return [
        f"% Made by: snakemake --cores all {name} {config.options(user)}",
        f"% Commit: {commit()}",
        r"% Needs \usepackage{booktabs}",
        *(f"% {run} {hashed}" for run, hashed in hashes.items()),
    ]


@cache
def commit() -> str:
    """Return the checkout's commit in words."""
    code = provenance.commit()
    return (code["commit"] or "no checkout") + " with changes" * bool(code["changed"])
