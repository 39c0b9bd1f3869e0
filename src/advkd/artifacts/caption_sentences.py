"""Sentences that captions of tables and of figures share: settings, scale and data."""

from typing import Any

from advkd.artifacts.changed_settings import changed_by_kind
from advkd.artifacts.data_sources import describe_data
from advkd.settings.config import Resolved
from advkd.settings.user import User

SMOKE = "This shows that the machinery works; it reproduces nothing."


def override_sentences(user: User) -> list[str]:
    """Return which settings the user changed from those of the scale, if any."""
    return [f"Changed from the scale's settings: {user.override}."] if user.override else []


def changed_sentences(runs: list[Resolved], user: User) -> list[str]:
    """Return which settings of the runs that an artifact shows differ from those of scale `paper`, if any."""
    parts = []
    for kind, changed in changed_by_kind(runs, user).items():
        settings = ", ".join(f"{key} {ours} ({theirs})" for key, (ours, theirs) in changed.items())
        parts.append(f"of {kind}: {settings}" if kind else settings)
    return [f"Settings that differ from scale paper (its values in brackets): {'; '.join(parts)}."] if parts else []


def outdated_sentences(cautions: list[str]) -> list[str]:
    """Return which numbers rest on other images than those of today, given the cautions of `DataChecks`."""
    return [f"Of outdated data: {'; '.join(dict.fromkeys(cautions))}."] if cautions else []


def data_sentences(data: list[dict[str, Any]]) -> list[str]:
    """Return where the images of data sets come from; `data` are contents of the stores' meta.json, also repeated."""
    names_by_source: dict[str, list[str]] = {}
    for meta in data:
        names = names_by_source.setdefault(describe_data(meta), [])
        if meta["name"] not in names:
            names.append(meta["name"])
    if not names_by_source:
        return []
    parts = [f"{', '.join(names)}: {source}" for source, names in names_by_source.items()]
    return [f"Data: {'; '.join(parts)}."]
