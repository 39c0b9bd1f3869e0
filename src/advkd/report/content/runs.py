"""The trainings that the report shows, one group for the seeds of a run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from advkd.artifacts.changed_settings import changed_settings
from advkd.artifacts.metric_digits import format_metrics
from advkd.artifacts.seed_results import read_metrics
from advkd.damage import attempt
from advkd.progress import duration
from advkd.report.content import curves
from advkd.report.content.run_facts import Facts, provenance_facts, result_facts
from advkd.runs import folder_names as files
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.provenance import describe_machine
from advkd.runs.state import Kind, State
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.names import shortest
from advkd.settings.tags import tags
from advkd.settings.user import User

LOG_LINES = 25  # of the end of log.txt

Value = TypeVar("Value")


@dataclass(frozen=True)
class RunRecord:
    """One training, as far as it came and as far as its files can be read.

    Attributes:
        resolved: the run and its settings.
        state: its state.
        facts: (name, value) pairs from result.json and provenance.json.
        metrics: the numbers of metrics.json as text, by name.
        log: the last lines of log.txt.
        seconds: wall time; 0 if unknown.
        machine: the machine in words; empty if unknown.
        history: the columns of history.csv; None if there is none.
        damage: one line for each file that is missing or cannot be read.
    """

    resolved: Resolved
    state: State
    facts: Facts
    metrics: dict[str, str]
    log: str
    seconds: float
    machine: str
    history: curves.History | None
    damage: list[str]

    @property
    def word(self) -> str:
        """The state in a word or two, by which the page filters; "damaged" if a file is."""
        return Kind.DAMAGED.value if self.damage else self.state.word

    @property
    def done(self) -> bool:
        """Whether the training ended well and its files can be read."""
        return self.state.done and not self.damage


@dataclass
class RunGroup:
    """The trainings that differ only in their seed.

    Attributes:
        name: the group's name.
        tag: its tag, for example R17.
        records: one record for each seed.
        changed: the settings that differ from scale `paper`, as (name, ours, the paper's).
        settings: all settings as text, one in a line.
        parents: the runs that it learns from, as (role, group name).
        command: the command that trains it.
        explain_command: the command that prints the same facts.
        charts: its learning curves.
        learners: the names of the groups that learn from it.
        cells: the cells that show it, as (id, name).
        figures: the figures that show it, as (name, title).
    """

    name: str
    tag: str
    records: list[RunRecord]
    changed: list[tuple[str, str, str]]
    settings: str
    parents: list[tuple[str, str]]
    command: str
    explain_command: str
    charts: list[curves.Chart]
    learners: list[str] = field(default_factory=list)
    cells: list[tuple[str, str]] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The id of its dialog in the page."""
        return f"run/{self.name}"

    @property
    def shown(self) -> bool:
        """Whether a table or figure shows it."""
        return bool(self.cells or self.figures)

    @property
    def started(self) -> bool:
        """Whether any of its trainings was started, or has a file that cannot be read."""
        return any(record.state.kind is not Kind.NOT_STARTED or record.damage for record in self.records)

    @property
    def paper(self) -> str:
        """The name of its paper in runs."""
        return self.name.partition("/")[0]

    @property
    def words(self) -> list[str]:
        """The distinct states of its trainings."""
        return list(dict.fromkeys(record.word for record in self.records))

    @property
    def states(self) -> str:
        """The states of its trainings: one word if all are alike, otherwise how many are in each."""
        counts = Counter(record.word for record in self.records)
        return next(iter(counts)) if len(counts) == 1 else ", ".join(f"{n} {word}" for word, n in counts.most_common())

    @property
    def seconds(self) -> float:
        """Wall time of its trainings."""
        return sum(record.seconds for record in self.records)

    @property
    def time(self) -> str:
        """Wall time of its trainings as text; empty if unknown."""
        return duration(self.seconds) if self.seconds else ""


def gather_groups(runs: dict[str, Resolved], user: User) -> dict[str, RunGroup]:
    """Return the groups of runs by name, in the order of their tags."""
    members: dict[str, list[Resolved]] = {}
    for resolved in runs.values():
        members.setdefault(resolved.run.group, []).append(resolved)
    if not members:
        return {}
    groups = {name: read_group(name, tag, members[name], user) for name, tag in tags(user).items() if name in members}
    for name, group in groups.items():
        parents = dict.fromkeys(parent for _, parent in group.parents)
        for parent in parents:
            if parent in groups:
                groups[parent].learners.append(name)
    return groups


def read_group(name: str, tag: str, runs: list[Resolved], user: User) -> RunGroup:
    """Return the group of some runs that differ only in their seed."""
    first = runs[0]
    records = [read_record(resolved) for resolved in runs]
    changed, _ = attempt(changed_settings, [first], user)
    settings = [f"{key}: {shortest(value)}" for key, value in first.settings.items() if key != "seed"]
    parents = dict.fromkeys((role, parent.run.group) for role, parent in first.needs.items())
    targets = " ".join(workflow_target(resolved) for resolved in runs)
    options = config.options(user)
    histories = {record.resolved.run.seed: record.history for record in records if record.history}
    return RunGroup(
        name=name,
        tag=tag,
        records=records,
        changed=[(key, ours, published) for key, (ours, published) in (changed or {}).items()],
        settings="\n".join(settings),
        parents=list(parents),
        command=f"snakemake --cores all {targets} {options}",
        explain_command=f"advkd explain {tag} {options}",
        charts=curves.draw_charts(histories),
    )


def workflow_target(resolved: Resolved) -> str:
    """Return the file that the workflow makes last for a run."""
    return str(folder_of(resolved).file(files.RESULT if resolved.leaves_predictions else files.METRICS))


def read_record(resolved: Resolved) -> RunRecord:
    """Return the record of one training; problems with its files are listed in `damage`."""
    folder = folder_of(resolved)
    damage: list[str] = []

    def read_if_present(name: str, read: Callable[[], Value]) -> Value | None:
        if not folder.has(name):
            return None
        value, problem = attempt(read, what=str(folder.file(name)))
        if problem:
            damage.append(problem)
        return value

    result = read_if_present(files.RESULT, lambda: result_facts(resolved, folder.result()))
    provenance = read_if_present(files.PROVENANCE, folder.provenance)
    origin = None
    if provenance is not None:
        origin = read_if_present(files.PROVENANCE, lambda: provenance_facts(provenance))
    log = read_if_present(files.LOG, lambda: folder.last_lines(LOG_LINES))
    history = read_if_present(files.HISTORY, folder.history)
    metrics, unreadable_metrics = attempt(metrics_in_words, resolved, what=str(folder.file(files.METRICS)))
    state, problem = attempt(state_of, resolved, what=str(folder.path))
    state = state or State(Kind.DAMAGED, problem)
    if state.done and not folder.has(files.HISTORY):
        damage.append(str(folder.damaged(files.HISTORY, "is missing")))
    if unreadable_metrics and result:
        damage.append(unreadable_metrics)
    if state.kind is Kind.DAMAGED and not damage:  # otherwise the state says the same about a file that is listed
        damage.append(state.detail)
    facts = [*(result or []), *(origin or [])]
    if origin:
        facts.append(("folder", str(folder.path)))
    return RunRecord(
        resolved=resolved,
        state=state,
        facts=facts,
        metrics=metrics or {},
        log="\n".join(log or []),
        seconds=provenance["wall_seconds"] if provenance and origin else 0.0,
        machine=describe_machine(provenance) if provenance and origin else "",
        history=history,
        damage=damage,
    )


def metrics_in_words(resolved: Resolved) -> dict[str, str]:
    """Return the metrics of a run as text; nothing if it has no metrics that belong to its settings."""
    metrics = read_metrics(resolved)
    return {} if metrics is None else format_metrics(metrics["values"])
