"""The captions of tables: what the numbers are, at which scale, over which seeds, and on which data."""

from typing import Any

from advkd.artifacts import caption_sentences, papers
from advkd.artifacts.data_sources import describe_data
from advkd.artifacts.measured import measured, measured_kid
from advkd.artifacts.number_format import OVER_IMAGES, format_estimate, format_measured
from advkd.artifacts.table_cells import teacher_is_worse
from advkd.artifacts.table_marks import marks_in_words
from advkd.runs.state import Kind
from advkd.settings import catalog, published_changes
from advkd.settings.config import Resolved
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.user import User

QUOTED = "‡"  # stands behind a number that the paper quotes
WEAK_TEACHER = "¶"  # stands behind a ratio to a teacher that is worse than its student's Baseline
CHANGED = "The rows of this table, with its published numbers, were changed in this checkout."
LOST = "in our copy of the text"  # the end of a cell's note on a mark that the paper may have
GENERATORS = {  # metrics over all generators of a run
    "fid.best": "the lowest FID, or KID, among the generators of a run, not always of the same one",
    "fid.mixture": "the images of all generators together; their larger number alone lowers FID",
    "inter_kid.final": "KID between the images of neighbouring generators",
}


def table_caption(table: str, rows: list[dict[str, Any]], user: User) -> str:
    """Return the caption of a table, given the rows of its cells."""
    sentences = [f"{papers.title(table)}."]
    if any(row["published"] for row in rows):
        sentences.append(f"Published: {papers.about_paper(papers.paper_of(table))['citation']}.")
    if table in published_changes.changed_files():
        sentences.append(CHANGED)
    sentences += our_sentences(table, rows, user)
    of_gan = next((row for row in rows if "meta" in row and row.get("mean") is not None), None)
    if of_gan:
        sentences += generator_sentences(rows) + gan_sentences(of_gan)
    elif any("evaluation" in row for row in rows):
        sentences += data_sentences(rows) + classifier_sentences(rows)
    return " ".join(sentences + not_built_sentences(rows) + warning_sentences(rows) + published_sentences(rows))


def not_built_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return why runs of a table cannot be built, each reason once."""
    reasons = dict.fromkeys(row["damage"] for row in rows if row["status"] == Kind.NOT_BUILT.value)
    return [f"{reason[0].upper()}{reason[1:]}." for reason in reasons]


def our_sentences(table: str, rows: list[dict[str, Any]], user: User) -> list[str]:
    """Return at which scale, over how many seeds and with which settings our numbers were measured."""
    if rows[0]["kind"] == "data":
        return ["official: as stated by the data set's authors; counted: in the archives of this scale.",
                *data_sentences(rows)]  # fmt: skip
    if not any(row.get("mean") is not None or row.get("ended") for row in rows):
        return [f"Ours at scale {user.scale}: none yet."]
    sentences = [f"Ours at scale {user.scale}: {seed_count(rows)}."]
    if any(shows_images_error(row) for row in rows):
        sentences.append(f"±…{OVER_IMAGES}: standard error over images, where there is one seed.")
    sentences += caption_sentences.override_sentences(user)
    sentences += caption_sentences.changed_sentences(shown_runs(table, rows, user), user)
    sentences += [caption_sentences.SMOKE] if user.scale == "smoke" else marks_in_words(rows)
    return sentences


def shown_runs(table: str, rows: list[dict[str, Any]], user: User) -> list[Resolved]:
    """Return a run of each group whose number or end a table shows, and of the teachers that ratios divide by."""
    groups: dict[str, None] = {}
    for cell, row in zip(catalog.cells(table), rows, strict=True):
        if row.get("mean") is not None or row.get("ended"):
            groups |= dict.fromkeys([cell.run, cell.of] if cell.kind == "ratio" else [cell.run])
    return list(catalog.first_seeds(groups, user))


def seed_count(rows: list[dict[str, Any]]) -> str:
    """Return over how many seeds the means of a table are taken."""
    with_mean = [row for row in rows if row.get("mean") is not None]
    if not with_mean:
        return "no number"
    fewest, most = min(row["n"] for row in with_mean), max(row["n"] for row in with_mean)
    if most == 1:
        return "1 seed"
    number = f"{fewest}-{most}" if most > fewest else str(most)
    return f"{number} seeds, mean ± sample standard deviation"


def shows_images_error(row: dict[str, Any]) -> bool:
    """Tell whether a number in a row has its standard error over images behind ±, as `number_format` decides."""
    numbers = (measured(row), measured_kid(row))
    return any(number is not None and number.std is None and number.images_error is not None for number in numbers)


def warning_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what limits our numbers: weak teachers, evaluations by older code, and outdated data."""
    sentences = []
    ratios = [row for row in rows if row["kind"] == "ratio" and row.get("mean") is not None]
    weak = [f"{row['row']} ({sides_in_words(row)})" for row in ratios if teacher_is_worse(row)]
    if weak:
        sentences.append(
            f"{WEAK_TEACHER}The teacher is worse than its student's Baseline, trained without it: {'; '.join(weak)}."
        )
    unknown = [row["row"] for row in ratios if teacher_is_worse(row) is None]
    if unknown:
        sentences.append(f"No Baseline is finished beside which the teacher could be judged: {'; '.join(unknown)}.")
    older = dict.fromkeys(name for row in rows for name in row.get("evaluated_by_older_code", "").split())
    if older:
        sentences.append(f"Measured before a change of advkd's code, and still counted: {', '.join(older)}.")
    sentences += caption_sentences.outdated_sentences([row["outdated_data"] for row in rows if "outdated_data" in row])
    return sentences


def sides_in_words(row: dict[str, Any]) -> str:
    """Return the accuracies of a ratio's teacher and of its student's Baseline."""
    teacher, baseline = (format_measured(measured(row, prefix)) for prefix in ("teacher_", "baseline_"))
    return f"teacher {teacher}, Baseline {baseline}"


def published_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return sentences on the published numbers: which are quoted, the notes that all share, and those on lost marks.

    The other notes stand in the CSV.
    """
    sentences = []
    if any(row["quoted"] for row in rows):
        sentences.append(
            f"{QUOTED}Quoted by the paper from elsewhere, or a ratio of such numbers; our number beside it is of our"
            " re-implementation."
        )
    notes_by_row = [row["note"].split("; ") for row in rows]
    in_every_row = set.intersection(*map(set, notes_by_row))
    shared = [note for note in notes_by_row[0] if note and note in in_every_row and not note.endswith(LOST)]
    if shared:
        sentences.append(f"Of every published number: {'; '.join(shared)}.")
    lost = dict.fromkeys(note for notes in notes_by_row for note in notes if note.endswith(LOST))
    if lost:
        missing = [note.removesuffix(f" {LOST}") for note in lost]
        missing = [f"{what}, so the published best is not marked" if "bold" in what else what for what in missing]
        sentences.append(f"{LOST[0].upper()}{LOST[1:]}: {'; '.join(missing)}.")
    return sentences


def data_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return where the images behind the rows come from."""
    return caption_sentences.data_sentences([row["data"] for row in rows if "data" in row])


def classifier_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the metrics of classifiers are."""
    metrics = {row["metric"] for row in rows}
    if "map" in metrics:
        sentences = crop_sentences(rows)
    elif "accuracy" in metrics:
        sentences = ["Accuracy: in %, after the last epoch; the best epoch's is in the CSV."]
    else:
        sentences = ["Last epoch; the best epoch's numbers are in the CSV."]
    if "restored_ratio" in metrics:
        sentences.append(
            "Restored ratio: the student's accuracy in % of the accuracy of its own teacher, which has the same seed."
        )
    if metrics & {"ece", "ece_ts"}:
        sentences.append("ECE: in %, 10 bins; with 15 bins in the CSV.")
    if "ece_ts" in metrics:
        sentences.append(
            "TS: temperature fitted on one half of the evaluation set, applied to the other, and reversed."
        )
    return sentences


def crop_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the average precision of classifiers of crops is, and how it depends on the photos."""
    sentences = [
        "Mean over the classes of the average precision on crops of other photos, in %, after the last epoch.",
        "Seeds take turns with draws of the real crops.",
        "The CSV has the accuracy, the average precision of each class, and intervals over photos.",
    ]
    errors = [row["images_error"] for row in rows if row.get("images_error") is not None]
    if errors:
        photos = max(row["evaluation"]["n_photos"] for row in rows if "evaluation" in row)
        sentences.append(
            f"Standard error over photos ({photos}, resampled whole): {min(errors):.1f} to {max(errors):.1f} points."
        )
    return sentences


def generator_sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the columns of metrics over all generators of a run show."""
    metrics = {row["column"]: row["metric"] for row in rows}
    return [f"{column}: {GENERATORS[metric]}." for column, metric in metrics.items() if metric in GENERATORS]


def gan_sentences(row: dict[str, Any]) -> list[str]:
    """Return from which images and features FID and KID were computed, given the row of a GAN."""
    meta, data = row["meta"], row["data"]
    sentences = [
        f"Data: {data['name']}, {describe_data(data)}; {meta['n_real']:,} real crops,"
        f" {meta['n_fake']:,} images of each generator.",
    ]
    network = NETWORKS[meta["features"]]
    distance = "FID" if network.is_fid else "Fréchet distance"
    if network.is_fid:
        sentences.append(f"FID and KID on {network.words}.")
    else:
        sentences.append(
            f"*Fréchet distance and KID on {network.words}: comparable within this table only, never with published"
            " FIDs."
        )
    if meta["rank_deficient"]:
        sentences.append(f"†Fewer images than the {meta['dims']} features: the covariance is rank-deficient; read KID.")
    elif not meta["fid_leads"]:
        sentences.append("Below 2,048 images KID comes first.")
    fid, kid = row.get("fid.floor_mean"), row.get("kid.floor_mean")
    kid_error = 1000 * row["kid_se.floor_mean"] if "kid_se.floor_mean" in row else None
    if fid is not None and kid is not None:
        sentences.append(
            f"Real crops against held-out real crops: {distance} {format_estimate(fid, None)}, KID×10³"
            f" {format_estimate(1000 * kid, kid_error)}."
        )
        if meta["n_fake"] > meta["n_held_out"]:
            sentences.append(
                f"The {distance} falls with the number of images, and a generator draws {meta['n_fake']:,}, not"
                f" {meta['n_held_out']:,}: a perfect one would have a lower one than these real crops. KID has no such"
                " bias."
            )
    return sentences
