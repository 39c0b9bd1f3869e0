"""Tables as CSV (tidy: one row a cell, with all that stands behind it), and in the paper's layout."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from advkd.artifacts import collect, latex, notes
from advkd.files import atomic, write_text
from advkd.progress import say
from advkd.settings.user import User

KID = "KID×10³"
HIDDEN = ["meta", "data", "evaluation", "ended"]


class Entry(NamedTuple):
    """One entry of a table: its text, its mark (bold, underline or empty), and the run group behind it, if any."""

    text: str = ""
    mark: str = ""
    run: str = ""


def write(table: str, user: User, out: Path) -> None:
    """Write `table`.csv, .md and .tex below `out`."""
    rows = collect.collect(table, user)
    frame = wide(rows, user)
    words = notes.caption(table, rows, user)
    with atomic(out / f"{table}.csv") as temporary:
        tidy(rows).to_csv(temporary, index=False, lineterminator="\n")
    write_text(out / f"{table}.md", markdown(frame, words))
    write_text(out / f"{table}.tex", latex.table(frame, words, table, rows, user))
    for damage in dict.fromkeys(row["damage"] for row in rows if "damage" in row):
        say(f"{table}: {damage}")
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


def wide(rows: list[dict[str, Any]], user: User) -> pd.DataFrame:
    """Return the table in the paper's layout, of `Entry`."""
    entries = layout(rows, user)
    keys = list(dict.fromkeys(key for key, _ in entries))
    columns = ordered([column for _, column in entries])
    depth = max(len(key) for key in keys)
    padded = [key + ("",) * (depth - len(key)) for key in keys]
    index = pd.Index([key[0] for key in padded]) if depth == 1 else pd.MultiIndex.from_tuples(padded)
    heads = pd.MultiIndex.from_tuples([(head.replace(" / ", " "), sub) for head, sub in columns])
    cells = [[entries.get((key, column), Entry()) for column in columns] for key in keys]
    return pd.DataFrame(cells, index, heads)


def layout(rows: list[dict[str, Any]], user: User) -> dict[tuple[tuple, tuple], Entry]:
    """Return every entry by (levels of its row, (its published column, whose number it is)).

    A table of which nothing is published has no column `paper`, and no `ours` to tell apart from it.
    """
    published = any(row["published"] for row in rows)
    ours = f"ours ({user.scale})" if published else ""
    best = best_of(rows) if user.scale != "smoke" else {}
    found = {number: reproduced(row, ours) for number, row in enumerate(rows)}
    entries = {}
    for number, row in enumerate(rows):
        printed = pm(row["published"], row["published_std"]) + notes.QUOTED * row["quoted"]
        cell = {"paper": Entry(printed, row["published_mark"])} if published else {}
        if row["kind"] == "data":
            cell["official"] = Entry(text(row.get("official"), 0))
            cell["counted"] = Entry(text(row.get("mean"), 0))
        elif found[number]:
            leading = next(iter(found[number]))
            marked = {leading: best.get(number, "")}
            cell |= {name: Entry(value, marked.get(name, ""), row["run"]) for name, value in found[number].items()}
        else:  # no number: say so in the columns that the others have
            beside = [name for n, one in enumerate(rows) if one["column"] == row["column"] for name in found[n]]
            cell |= dict.fromkeys(beside or [ours], Entry(row.get("ended") or "–", "", row["run"]))
        key = tuple(row["row"].split(" / "))
        entries |= {(key, (row["column"], name)): entry for name, entry in cell.items()}
    return entries


def ordered(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the distinct columns, those of one published column side by side."""
    heads = list(dict.fromkeys(head for head, _ in columns))
    return [(head, sub) for head in heads for sub in dict.fromkeys(s for h, s in columns if h == head)]


def reproduced(row: dict[str, Any], ours: str) -> dict[str, str]:
    """Return our entries for a cell, the leading one first: for FID also KID, which leads below 2,048 images.

    Empty where there is no number. A name without `ours` (empty) is that of the measure alone.
    """
    decimals = int(row["decimals"] or 2)
    if row.get("mean") is None:
        return {}
    if "meta" not in row:
        return {ours: text(row.get("mean"), decimals, row.get("std"))}
    meta = row["meta"]
    if row["metric"].startswith("inter_kid."):
        return {f"{ours} {KID}".strip(): thousandths(row["mean"], row["std"])}
    name = "FID" if meta["weights"] != "random" else "Fréchet*"
    dagger = "†" if meta["rank_deficient"] else ""
    fid = {f"{ours} {name}".strip(): text(row.get("mean"), decimals, row.get("std")) + dagger}
    if "kid_mean" not in row:
        return fid
    kid = {f"{ours} {KID}".strip(): thousandths(row["kid_mean"], row["kid_std"])}
    return {**fid, **kid} if meta["fid_leads"] else {**kid, **fid}


def thousandths(value: float, std: float | None) -> str:
    """Return a KID in thousandths, with its standard deviation."""
    return text(1000 * value, 2, None if std is None else 1000 * std)


def text(value: float | None, decimals: int, std: float | None = None) -> str:
    """Return a number with its standard deviation as a table shows it; an empty entry is a dash."""
    if value is None:
        return "–"
    return f"{value:,.{decimals}f}" if std is None else f"{value:.{decimals}f} ± {std:.{decimals}f}"


def pm(mean: str, std: str) -> str:
    """Return a published number as printed."""
    return f"{mean} ± {std}" if std else mean or "–"


def best_of(rows: list[dict[str, Any]]) -> dict[int, str]:
    """Mark our best (bold) and second best (underline) mean among the numbers that a table compares, if all are there.

    Those are of one metric on one data set (of one measure for all generators; a mean over these is a metric of its
    own), in rows whose names agree in all levels but the last, whether they stand below or beside each other. Equal
    values share a mark, so that a teacher, who is the same in every row, has none.
    """
    groups: dict[tuple, list[tuple[float, int]]] = {}
    open_ended = set()  # groups that lack a number: the best of those that happen to be run says nothing
    for number, row in enumerate(rows):
        if not (row["run"] and row["better"]):
            continue
        key = (row["row"].rpartition(" / ")[0], re.sub(r"\.G\d+$", "", row["metric"]), row["run"].split("/")[1])
        value, decimals = leading_number(row)
        if value is not None:
            sign = 1 if row["better"] == "lower" else -1
            groups.setdefault(key, []).append((sign * round(value, decimals), number))
        elif not row.get("ended") or row["status"] == collect.SPOILT:  # a run that diverged is no best one
            open_ended.add(key)
    marks = {}
    for group in (group for key, group in groups.items() if key not in open_ended):
        ranks = sorted({value for value, _ in group})
        if len(ranks) > 1:
            marks.update({n: ("bold", "underline")[ranks.index(v)] for v, n in group if v in ranks[:2]})
    return marks


def leading_number(row: dict[str, Any]) -> tuple[float | None, int]:
    """Return the number that `reproduced` shows first, and its decimals: a GAN's KID x 1000 where KID leads."""
    if "kid_mean" in row and not row["meta"]["fid_leads"]:
        return 1000 * row["kid_mean"], 2
    return row.get("mean"), int(row["decimals"] or 2)


def markdown(frame: pd.DataFrame, words: str) -> str:
    """Return the table in Markdown, marks as bold and underlined."""
    wrap = {"bold": "**{}**", "underline": "<u>{}</u>", "": "{}"}
    shown = frame.map(lambda entry: wrap[entry.mark].format(entry.text))
    shown = shown.set_axis([" ".join(filter(None, column)) for column in frame.columns], axis=1)
    for level in reversed(range(frame.index.nlevels)):
        shown.insert(0, " " * (level + 1), frame.index.get_level_values(level))
    return f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{words.replace('*', chr(92) + '*')}\n"
