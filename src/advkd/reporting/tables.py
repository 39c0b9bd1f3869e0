"""Tables as CSV (tidy: one row a cell, with all that stands behind it), Markdown and LaTeX (as in the paper)."""

from pathlib import Path
from typing import Any

import pandas as pd

from advkd import config
from advkd.files import atomic, write_text
from advkd.progress import say
from advkd.reporting import collect, notes
from advkd.settings import User

HIDDEN = ["meta", "data", "evaluation", "ended"]
SYMBOLS = {
    "±": r"$\pm$", "×": r"$\times$", "†": r"$^\dagger$", "‡": r"$^\ddagger$", "–": "--", "³": "$^3$", "é": r"\'e",
}  # fmt: skip


def write(table: str, user: User, out: Path) -> None:
    """Write `table`.csv, .md and .tex below `out`."""
    rows = collect.collect(table, user)
    frame, marks = wide(rows, user)
    words = notes.caption(table, rows, user)
    with atomic(out / f"{table}.csv") as temporary:
        tidy(rows).to_csv(temporary, index=False, lineterminator="\n")
    write_text(out / f"{table}.md", markdown(frame, marks, words))
    write_text(out / f"{table}.tex", latex(frame, marks, words, table, rows, user))
    counts = pd.Series([row["status"] for row in rows]).value_counts()
    say(f"{table}: {', '.join(f'{n} cells {status}' for status, n in counts.items())} -> {out / table}.{{csv,md,tex}}")


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one row a cell, with the features' and the data's description flattened into columns."""
    flat = []
    for row in rows:
        one = {key: value for key, value in row.items() if key not in HIDDEN}
        if "meta" in row:
            meta = row["meta"]
            one.update({key: meta[key] for key in ("weights", "dims", "n_real", "n_fake", "rank_deficient")})
        if "evaluation" in row:
            one.update({f"evaluation_{key}": row["evaluation"][key] for key in ("n_images", "classes")})
        if "data" in row:
            one["data"] = row["data"]["source"]["verified"]
            one["data_sha256"] = row["data"]["sha256"]["images.npy"]
        flat.append(one)
    return pd.DataFrame(flat)


def wide(rows: list[dict[str, Any]], user: User) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table in the paper's layout as text, and the mark (bold, underline or empty) of each entry."""
    entries = layout(rows, user)
    keys = list(dict.fromkeys(key for key, _ in entries))
    columns = ordered([column for _, column in entries])
    depth = max(len(key) for key in keys)
    padded = [key + ("",) * (depth - len(key)) for key in keys]
    index = pd.Index([key[0] for key in padded]) if depth == 1 else pd.MultiIndex.from_tuples(padded)
    heads = pd.MultiIndex.from_tuples([(head.replace(" / ", " "), sub) for head, sub in columns])
    return tuple(
        pd.DataFrame([[entries.get((key, column), ("", ""))[part] for column in columns] for key in keys], index, heads)
        for part in (0, 1)
    )


def layout(rows: list[dict[str, Any]], user: User) -> dict[tuple[tuple, tuple], tuple[str, str]]:
    """Return text and mark of every entry by (levels of its row, (its published column, whose number it is))."""
    ours = f"ours ({user.scale})"
    best = best_of(rows) if user.scale != "smoke" else {}
    found = {number: reproduced(row, ours) for number, row in enumerate(rows)}
    entries = {}
    for number, row in enumerate(rows):
        printed = pm(row["published"], row["published_std"]) + notes.QUOTED * row["quoted"]
        cell = {"paper": (printed, row["published_mark"])}
        if row["kind"] == "data":
            cell["official"] = (text(row.get("official"), 0), "")
            cell["counted"] = (text(row.get("mean"), 0), "")
        elif found[number]:
            leading = next(iter(found[number]))
            cell |= {name: (value, best.get(number, "") * (name == leading)) for name, value in found[number].items()}
        else:  # no number: say so in the columns that the others have
            beside = [name for n, one in enumerate(rows) if one["column"] == row["column"] for name in found[n]]
            cell |= dict.fromkeys(beside or [ours], (row.get("ended") or "–", ""))
        key = tuple(row["row"].split(" / "))
        entries |= {(key, (row["column"], name)): entry for name, entry in cell.items()}
    return entries


def ordered(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the distinct columns, those of one published column side by side."""
    heads = list(dict.fromkeys(head for head, _ in columns))
    return [(head, sub) for head in heads for sub in dict.fromkeys(s for h, s in columns if h == head)]


def reproduced(row: dict[str, Any], ours: str) -> dict[str, str]:
    """Return our entries for a cell, the leading one first: for FID also KID, which leads below 2,048 images.

    Empty where there is no number.
    """
    decimals = int(row["decimals"] or 2)
    if row.get("mean") is None:
        return {}
    if "meta" not in row:
        return {ours: text(row.get("mean"), decimals, row.get("std"))}
    meta = row["meta"]
    name = "FID" if meta["weights"] != "random" else "Fréchet*"
    dagger = "†" if meta["rank_deficient"] else ""
    fid = {f"{ours} {name}": text(row.get("mean"), decimals, row.get("std")) + dagger}
    if "kid_mean" not in row:
        return fid
    thousand = [None if row[key] is None else 1000 * row[key] for key in ("kid_mean", "kid_std")]
    kid = {f"{ours} KID×10³": text(thousand[0], 2, thousand[1])}
    return {**fid, **kid} if meta["fid_leads"] else {**kid, **fid}


def text(value: float | None, decimals: int, std: float | None = None) -> str:
    """Return a number with its standard deviation as a table shows it; an empty entry is a dash."""
    if value is None:
        return "–"
    return f"{value:,.{decimals}f}" if std is None else f"{value:.{decimals}f} ± {std:.{decimals}f}"


def pm(mean: str, std: str) -> str:
    """Return a published number as printed."""
    return f"{mean} ± {std}" if std else mean or "–"


def best_of(rows: list[dict[str, Any]]) -> dict[int, str]:
    """Mark our best (bold) and second best (underline) mean among the numbers that a table compares.

    Those are of one metric on one data set (a mean over generators is a metric of its own), in rows whose names agree
    in all levels but the last, whether they stand below or beside each other. Equal values share a mark, so that a
    teacher, who is the same in every row, has none.
    """
    groups: dict[tuple, list[tuple[float, int]]] = {}
    for number, row in enumerate(rows):
        value, decimals = leading_number(row)
        if value is not None and row["better"]:
            sign = 1 if row["better"] == "lower" else -1
            key = (row["row"].rpartition(" / ")[0], row["metric"].partition(".")[0], row["kind"] == "mean",
                   row["run"].split("/")[1])  # fmt: skip
            groups.setdefault(key, []).append((sign * round(value, decimals), number))
    marks = {}
    for group in groups.values():
        ranks = sorted({value for value, _ in group})
        if len(ranks) > 1:
            marks.update({n: ("bold", "underline")[ranks.index(v)] for v, n in group if v in ranks[:2]})
    return marks


def leading_number(row: dict[str, Any]) -> tuple[float | None, int]:
    """Return the number that `reproduced` shows first, and its decimals: a GAN's KID x 1000 where KID leads."""
    if "kid_mean" in row and not row["meta"]["fid_leads"]:
        return 1000 * row["kid_mean"], 2
    return row.get("mean"), int(row["decimals"] or 2)


def markdown(frame: pd.DataFrame, marks: pd.DataFrame, words: str) -> str:
    """Return the table in Markdown, marks as bold and underlined."""
    wrap = {"bold": "**{}**", "underline": "<u>{}</u>", "": "{}"}
    cells = [
        [wrap[m].format(v) for v, m in zip(*pair, strict=True)] for pair in zip(frame.values, marks.values, strict=True)
    ]
    shown = pd.DataFrame(cells, columns=[" ".join(column) for column in frame.columns])
    for level in reversed(range(frame.index.nlevels)):
        shown.insert(0, " " * (level + 1), frame.index.get_level_values(level))
    return f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{words.replace('*', chr(92) + '*')}\n"


def latex(
    frame: pd.DataFrame, marks: pd.DataFrame, words: str, table: str, rows: list[dict[str, Any]], user: User
) -> str:
    """Return a booktabs table, opening with the command and the configurations that it comes from."""
    style = {"bold": "textbf:--rwrap;", "underline": "underline:--rwrap;", "": ""}
    styler = frame.style.apply(lambda _: marks.map(style.get).to_numpy(), axis=None)
    styler = styler.format(escape="latex")
    for axis in (0, 1):
        styler = styler.format_index(escape="latex", axis=axis)
    body = styler.to_latex(
        hrules=True,
        label=f"tab:{table}-{user.scale}",
        caption=escape(words),
        column_format="l" * frame.index.nlevels + "r" * frame.shape[1],
        multicol_align="c",
        position_float="centering",
    )
    hashes = {
        run: hashed
        for row in rows
        for run, hashed in zip(row.get("runs", "").split(), row.get("config_hashes", "").split(), strict=True)
    }
    command = f"snakemake --cores all {table} {config.options(user)}"
    head = [
        f"% Made by: {command}",
        "% Needs \\usepackage{booktabs,multirow}",
        *(f"% {r} {h}" for r, h in hashes.items()),
    ]
    for symbol, code in SYMBOLS.items():
        body = body.replace(symbol, code)
    return "\n".join(head) + "\n" + body


def escape(words: str) -> str:
    """Return text with LaTeX's special characters escaped."""
    special = {"&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$", "~": r"\textasciitilde{}"}
    return "".join(special.get(letter, letter) for letter in words)
