"""What the caption of a table or figure says of the numbers above it: scale, seeds, data, and how they are measured."""

from typing import Any

from advkd.artifacts import collect
from advkd.settings import catalog
from advkd.settings.user import User

QUOTED = "‡"
LOST = "lost in the text at hand"  # as a note says of a mark that the paper may have
GENERATORS = {  # what a metric tells of all generators of a run
    "fid.best": "the lowest FID, or KID, among the generators of a run, not always of the same one",
    "fid.mixture": "the images of all generators together, whose larger number alone lowers FID",
    "inter_kid.final": "KID between the images of neighbouring generators",
}


def caption(table: str, rows: list[dict[str, Any]], user: User) -> str:
    """Return the caption: what is shown, and what our numbers are: scale, seeds, data, weights."""
    about = collect.described(table)
    parts = [f"{about['short']}, Table {table.split('table')[1]}: {about['shows']}."]
    if any(row["published"] for row in rows):
        parts.append(f"Published: {about['citation']}.")
    if rows[0]["kind"] == "data":
        parts.append("official: as the data set's authors state; counted: in the archives of this scale.")
        parts += data_notes(rows)
    elif not any(row.get("mean") is not None or row.get("ended") for row in rows):
        parts.append(f"Ours at scale {user.scale}: none yet.")
    else:
        parts.append(f"Ours at scale {user.scale}: {seeds_of(rows)}.")
        if user.override:
            parts.append(f"Changed from the scale's settings: {user.override}.")
        parts += scale_notes(table, user)
        if user.scale == "smoke":
            parts.append("This shows that the machinery works; it reproduces nothing.")
    first = next((row for row in rows if "meta" in row and row.get("mean") is not None), None)
    if first:
        parts += [*generator_notes(rows), gan_notes(first)]
    elif any("evaluation" in row for row in rows):
        parts += [*data_notes(rows), *classifier_notes(rows)]
    return " ".join(parts + published_notes(rows))


def seeds_of(rows: list[dict[str, Any]]) -> str:
    """Return in words how many seeds the means of a table have; a teacher counts only where there is nothing else."""
    shown = [row for row in rows if row.get("mean") is not None]
    if not shown:
        return "no number"
    counts = sorted({row["n"] for row in [row for row in shown if row["metric"] != "teacher_accuracy"] or shown})
    first, last = counts[0], counts[-1]
    number = f"{first}-{last}" if last > first else str(first)
    spread = ", mean ± sample standard deviation" if last > 1 else ""
    return f"{number} seed{'s' if last > 1 else ''}{spread}"


def published_notes(rows: list[dict[str, Any]]) -> list[str]:
    """Return what holds for the published numbers: which are quoted, and what is noted of every one."""
    parts = []
    if any(row["quoted"] for row in rows):
        parts.append(
            f"{QUOTED}Quoted by the paper from elsewhere, or a ratio of such numbers; ours beside it is of our"
            " re-implementation."
        )
    noted = [row["note"].split("; ") for row in rows]
    if shared := [part for part in noted[0] if part and all(part in others for others in noted)]:
        parts.append(f"Of every published number: {'; '.join(shared)}.")
    lost = dict.fromkeys(part for found in noted for part in found if part.endswith(LOST) and part not in shared)
    return parts + [f"Of the published: {'; '.join(lost)}."] * bool(lost)


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
    if "accuracy" in metrics:
        parts = ["Accuracy: in %, after the last epoch; the best epoch's stands in the CSV."]
    if "restored_ratio" in metrics:
        parts.append("Restored ratio: the student's accuracy in % of its teacher's; its spread is the student's alone.")
    if metrics & {"teacher_accuracy", "restored_ratio"}:
        parts.append("A teacher is one run (seed 0), without a spread.")
    if metrics & {"ece", "ece_ts"}:
        parts.append("ECE: 10 bins, in %; 15 bins in the CSV.")
    if "ece_ts" in metrics:
        parts.append("TS: temperature fitted on one half of the evaluation set, applied to the other, and reversed.")
    return parts


def generator_notes(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the columns say that tell of all generators of a run."""
    shown = {row["column"]: row["metric"] for row in rows}
    return [f"{column}: {GENERATORS[metric]}." for column, metric in shown.items() if metric in GENERATORS]


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
