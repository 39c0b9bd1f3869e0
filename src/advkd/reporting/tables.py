"""Tables as CSV (tidy: one row a cell, with all that stands behind it), Markdown and LaTeX (as in the paper)."""

from pathlib import Path
from typing import Any

import pandas as pd

from advkd import catalog, config
from advkd.files import atomic, write_text
from advkd.progress import say
from advkd.reporting import collect
from advkd.settings import User

HIDDEN = ["meta", "data", "evaluation"]
SYMBOLS = {"±": r"$\pm$", "×": r"$\times$", "†": r"$^\dagger$", "–": "--", "³": "$^3$", "é": r"\'e"}


def write(table: str, user: User, out: Path) -> None:
    """Write `table`.csv, .md and .tex below `out`."""
    rows = collect.collect(table, user)
    frame, marks = wide(rows, user)
    words = caption(table, rows, user)
    with atomic(out / f"{table}.csv") as temporary:
        tidy(rows).to_csv(temporary, index=False, lineterminator="\n")
    write_text(out / f"{table}.md", markdown(frame, marks, words))
    write_text(out / f"{table}.tex", latex(frame, marks, words, table, rows, user))
    missing = catalog.missing(table, user)
    if missing:
        say(f"{table}: our columns are empty: {'; '.join(dict.fromkeys(missing.values()))}")
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
        cell = {"paper": (pm(row["published"], row["published_std"]), row["published_mark"])}
        if row["kind"] == "data":
            cell["official"] = (text(row.get("official"), 0), "")
            cell["counted"] = (text(row.get("mean"), 0), "")
        elif found[number]:
            leading = next(iter(found[number]))
            cell |= {name: (value, best.get(number, "") * (name == leading)) for name, value in found[number].items()}
        else:  # no number: say so in the columns that the others have
            word = row["status"].split()[0] if row["status"].startswith(("diverged", "blocked")) else "–"
            beside = [name for n, one in enumerate(rows) if one["column"] == row["column"] for name in found[n]]
            cell |= dict.fromkeys(beside or [ours], (word, ""))
        key = tuple(row["row"].split(" / "))
        entries |= {(key, (row["column"], name)): entry for name, entry in cell.items()}
    return entries


def ordered(columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the distinct columns, those of one published column side by side."""
    heads = list(dict.fromkeys(head for head, _ in columns))
    return [(head, sub) for head in heads for sub in dict.fromkeys(s for h, s in columns if h == head)]


def reproduced(row: dict[str, Any], ours: str) -> dict[str, str]:
    """Return our entries for a cell, the leading one first: for FID also KID, which leads below 2,048 images.

    Empty where there is no number, or where a seed diverged.
    """
    decimals = int(row["decimals"] or 2)
    if row.get("mean") is None or row["status"].startswith(("diverged", "blocked")):
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
    """Mark our best (bold) and second best (underline) mean among the rows that a column compares.

    Rows are compared when all levels of their name but the last agree; equal values share a mark.
    """
    groups: dict[tuple, list[tuple[float, int]]] = {}
    for number, row in enumerate(rows):
        value, decimals = leading_number(row)
        if value is not None and row["better"] and not row["status"].startswith(("diverged", "blocked")):
            sign = 1 if row["better"] == "lower" else -1
            key = (row["row"].rpartition(" / ")[0], row["column"])
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


def caption(table: str, rows: list[dict[str, Any]], user: User) -> str:
    """Return the caption: what is shown, and what our numbers are: scale, seeds, data, weights."""
    about = collect.described(table)
    parts = [f"{about['short']}, Table {table.split('table')[1]}: {about['shows']}. Published: {about['citation']}."]
    seeds = sorted({row["n"] for row in rows if row.get("n")} if rows[0]["kind"] != "data" else set())
    if rows[0]["kind"] == "data":
        parts.append("official: as the data set's authors state; counted: in the archives of this scale.")
        parts += data_notes(rows)
    elif not seeds:
        parts.append(f"Ours at scale {user.scale}: none yet.")
    else:
        number = f"{seeds[0]} seed{'s' if seeds[0] > 1 else ''}" if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]} seeds"
        spread = ", mean ± sample standard deviation" if seeds[-1] > 1 else ""
        parts.append(f"Ours at scale {user.scale}: {number}{spread}.")
        if user.override:
            parts.append(f"Changed from the scale's settings: {user.override}.")
        parts += scale_notes(table, user)
        if user.scale == "smoke":
            parts.append("This shows that the machinery works; it reproduces nothing.")
    first = next((row for row in rows if "meta" in row), None)
    if first:
        parts.append(gan_notes(first))
    elif any("evaluation" in row for row in rows):
        parts += [*data_notes(rows), *classifier_notes(rows)]
    return " ".join(parts)


def scale_notes(table: str, user: User) -> list[str]:
    """Return in which settings the runs of a table differ from the published ones."""
    found = collect.changed(list(catalog.runs(table, user).values()), user)
    listed = ", ".join(f"{key} {ours} ({published})" for key, (ours, published) in found.items())
    return [f"Set otherwise than at scale paper (in brackets): {listed}."] if listed else []


def data_notes(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the data sets of a table were prepared from."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if "data" in row:
            found = names.setdefault(collect.describe_data(row["data"]["source"]), [])
            if row["data"]["name"] not in found:
                found.append(row["data"]["name"])
    return (
        ["Data: " + "; ".join(f"{', '.join(sets)}: {origin}" for origin, sets in names.items()) + "."] if names else []
    )


def classifier_notes(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the numbers of classifiers are."""
    parts = ["Last epoch; the best epoch's stand in the CSV."]
    metrics = {row["metric"] for row in rows}
    if metrics & {"ece", "ece_ts"}:
        parts.append("ECE: 10 bins, in %; 15 bins in the CSV.")
    if "ece_ts" in metrics:
        parts.append("TS: temperature fitted on one half of the evaluation set, applied to the other, and reversed.")
    return parts


def gan_notes(row: dict[str, Any]) -> str:
    """Return what FID and KID were computed from."""
    meta, data = row["meta"], row["data"]
    parts = [
        f"Data: {data['name']}, {collect.describe_data(data['source'])}; {meta['n_real']:,} real crops,"
        f" {meta['n_fake']:,} images of each generator.",
    ]
    if meta["weights"] == "random":
        parts.append(
            f"*Fréchet distance and KID on {meta['dims']} features of the FID network with random weights:"
            " comparable within this table only, not with published FIDs."
        )
    if meta["rank_deficient"]:
        parts.append(f"†Fewer images than the {meta['dims']} features: the covariance is rank-deficient; read KID.")
    elif not meta["fid_leads"]:
        parts.append("Below 2,048 images KID leads.")
    floor = [row.get("fid.floor_mean"), row.get("kid.floor_mean")]
    if None not in floor:
        parts.append(f"Floor (real crops against held-out real crops): {floor[0]:.2f}, KID×10³ {1000 * floor[1]:.2f}.")
    return " ".join(parts)


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
