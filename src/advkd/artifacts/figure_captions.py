"""The captions of figures."""

from collections.abc import Mapping

from advkd.artifacts import caption_sentences, papers
from advkd.runs.lookup import folder_of
from advkd.runs.stores import DataChecks
from advkd.settings.config import Resolved
from advkd.settings.user import User


def figure_caption(figure: str, user: User, runs: list[Resolved], note: str, left_out: Mapping[str, str]) -> str:
    """Return the caption of a figure.

    Args:
        figure: the name of the figure.
        user: the user's configuration.
        runs: the runs that the figure shows.
        note: what is drawn, and how.
        left_out: what the figure does not show, by name, and why not.
    """
    head = f"{papers.title(figure)}. Scale {user.scale}."
    if not runs:
        return f"{head} No run is finished."
    sentences = [head, note, *left_out_sentences(left_out)]
    sentences += caption_sentences.override_sentences(user)
    if user.scale == "smoke":
        sentences.append(caption_sentences.SMOKE)
    else:
        sentences += caption_sentences.changed_sentences(runs, user)
    sentences += caption_sentences.data_sentences([folder_of(run).provenance()["data"] for run in runs])
    sentences += caption_sentences.outdated_sentences(DataChecks(user).cautions(runs))
    return " ".join(sentences)


def left_out_sentences(left_out: Mapping[str, str]) -> list[str]:
    """Return what a figure leaves out: the names of each reason."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        names.setdefault(reason, []).append(name)
    parts = [f"{', '.join(of_reason)} ({reason})" for reason, of_reason in names.items()]
    return [f"Left out: {'; '.join(parts)}."] if parts else []


def seeds_in_words(runs: list[Resolved]) -> str:
    """Return the seeds of runs, for example "Seed 0" or "Seeds 0, 1, 2"."""
    seeds = sorted({run.run.seed for run in runs})
    return f"{'Seed' if len(seeds) == 1 else 'Seeds'} {', '.join(map(str, seeds))}"
