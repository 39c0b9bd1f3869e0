"""Which settings of runs differ from those of scale `paper`."""

from collections.abc import Mapping

from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.names import Run, shortest
from advkd.settings.user import User

# How the value of an absent setting reads: a run without a limit uses all images.
ABSENT = {"banner": "kept", "classes": "all", "train_per_class": "all", "valid_per_class": "all"}
# These settings say where images come from. Captions have a sentence of their own about that.
FEW = 2  # runs that are named one by one
SOME = "some rows"
SOURCES = ("data", "made_photos", "made_per_class")


def changed_settings(runs: list[Resolved], user: User) -> dict[str, tuple[str, str]]:
    """Return the settings in which any run differs from the same run at scale `paper`.

    Returns:
        By setting, (ours, the paper's) in words. Where runs have several values, these are separated by "/".
    """
    at_paper_scale = user.model_copy(update={"scale": "paper", "override": {}})
    changed: dict[str, tuple[list[str], list[str]]] = {}
    for run in runs:
        ours, theirs = run.settings, config.resolve(run.run, at_paper_scale).settings
        for key in ours.keys() | theirs.keys():
            our_value, their_value = value_in_words(ours, key), value_in_words(theirs, key)
            if our_value == their_value or key in SOURCES:
                continue
            our_values, their_values = changed.setdefault(key, ([], []))
            if our_value not in our_values:
                our_values.append(our_value)
            if their_value not in their_values:
                their_values.append(their_value)
    return {key: ("/".join(ours), "/".join(theirs)) for key, (ours, theirs) in sorted(changed.items())}


def changed_by_kind(runs: list[Resolved], user: User) -> dict[str, dict[str, tuple[str, str]]]:
    """Return the same by the kind of run that a change applies to; the kind is "" where it applies to all runs.

    A kind is what its runs and no others have: a method, a network, a data set, several of these, or their names. Where
    these would be many, the kind is `SOME`: the values of all such runs stand together, in the order of the runs.
    """
    by_group = {run.run.group: changed_settings([run], user) for run in runs}
    groups_of: dict[tuple[str, str, str], list[str]] = {}
    for group, changed in by_group.items():
        for key, (ours, theirs) in changed.items():
            groups_of.setdefault((key, ours, theirs), []).append(group)
    kinds: dict[str, dict[str, tuple[str, str]]] = {}
    for (key, ours, theirs), groups in groups_of.items():
        kind = _kind(groups, list(by_group))
        before = kinds.setdefault(kind, {}).get(key)
        kinds[kind][key] = (f"{before[0]}/{ours}", f"{before[1]}/{theirs}") if before else (ours, theirs)
    return {kind: dict(sorted(changed.items())) for kind, changed in sorted(kinds.items())}


def _kind(groups: list[str], among: list[str]) -> str:
    if len(groups) == len(among):
        return ""
    parsed = {group: Run.parse(f"{group}/seed0") for group in among}
    for name in ("method", "model", "dataset"):
        values = dict.fromkeys(getattr(parsed[group], name) for group in groups)
        if [group for group in among if getattr(parsed[group], name) in values] == groups:
            return ", ".join(values)
    return SOME if len(groups) > FEW else ", ".join(group.partition("/")[2] for group in groups)


def value_in_words(settings: Mapping[str, object], key: str) -> str:
    """Return the value of a setting as text; a word or a dash if it is absent."""
    if key in settings:
        return shortest(settings[key])
    return ABSENT.get(key, "–")
