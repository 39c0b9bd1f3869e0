"""What the page tells of trainings: a group for all seeds of a run, so that what ten cells share stands once."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from advkd.artifacts.changed_settings import changed_settings
from advkd.artifacts.data_sources import describe_source
from advkd.artifacts.seed_results import read_metrics
from advkd.artifacts.table_cells import DAMAGED
from advkd.damage import Value, attempt
from advkd.files import read_json
from advkd.progress import duration
from advkd.report import status
from advkd.report.content import curves
from advkd.runs.provenance import describe_machine, describe_time
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.names import shortest
from advkd.settings.tags import tags
from advkd.settings.user import User

TAIL = 25  # lines of log.txt
REMEDY = "delete the result.json beside it and train the run again"


@dataclass(frozen=True)
class Record:
    """One training, as far as it came and can be read.

    state: in a few words. facts: (name, value) pairs. values: of metrics.json. log: its last lines. seconds, machine:
    0 and empty where unknown. damage: a line for each file that is missing or cannot be read.
    """

    one: Resolved
    state: str
    facts: list[tuple[str, str]]
    values: dict[str, str]
    log: str
    seconds: float
    machine: str
    history: curves.History | None
    damage: list[str]

    @property
    def word(self) -> str:
        """What the filter calls the state: done, done by older code, diverged, …; `damaged` where a file is."""
        return DAMAGED if self.damage else self.state.split(":")[0].split(",")[0]


class Origin(NamedTuple):
    """What a run's provenance says: facts as (name, value) pairs, and from them machine and wall seconds."""

    facts: list[tuple[str, str]]
    machine: str
    seconds: float


@dataclass
class Group:
    """The trainings that differ in their seed alone.

    changed: settings that differ from scale `paper`, as (name, ours, the paper's). parents: those it learns from, as
    (role, group's name); learners: those that learn from it, as names. cells, figures: those that it stands in, as
    (their ids, their names).
    """

    name: str
    tag: str
    records: list[Record]
    changed: list[tuple[str, str, str]]
    settings: str
    parents: list[tuple[str, str]]
    command: str
    explained: str
    charts: list[curves.Chart]
    learners: list[str] = field(default_factory=list)
    cells: list[tuple[str, str]] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """What links name it by."""
        return identity(self.name)

    @property
    def shown(self) -> bool:
        """Whether a table or figure shows it."""
        return bool(self.cells or self.figures)

    @property
    def words(self) -> list[str]:
        """The distinct states of its trainings."""
        return list(dict.fromkeys(record.word for record in self.records))

    @property
    def seconds(self) -> float:
        """Wall time of its trainings."""
        return sum(record.seconds for record in self.records)

    @property
    def time(self) -> str:
        """Wall time of its trainings as text, empty where none has one."""
        return duration(self.seconds) if self.seconds else ""


def identity(group: str) -> str:
    """Return what links name a run group by."""
    return f"run/{group}"


def gather(runs: dict[str, Resolved], user: User) -> dict[str, Group]:
    """Return the groups of runs, by name, in the order of their tags."""
    members: dict[str, list[Resolved]] = defaultdict(list)
    for one in runs.values():
        members[one.run.group].append(one)
    tagged = tags(user) if members else {}
    groups = {name: group(name, tag, members[name], user) for name, tag in tagged.items() if name in members}
    for name, one in groups.items():
        for parent in dict.fromkeys(parent for _, parent in one.parents if parent in groups):
            groups[parent].learners.append(name)
    return groups


def group(name: str, tag: str, ones: list[Resolved], user: User) -> Group:
    """Return what there is of the seeds of one run."""
    first = ones[0]
    records = [record(one) for one in ones]
    changed, _ = attempt(changed_settings, [first], user)
    histories = {one.run.seed: found.history for one, found in zip(ones, records, strict=True) if found.history}
    return Group(
        name=name,
        tag=tag,
        records=records,
        changed=[(key, *pair) for key, pair in (changed or {}).items()],
        settings="\n".join(f"{key}: {shortest(value)}" for key, value in first.settings.items() if key != "seed"),
        parents=list(dict.fromkeys((role, parent.run.group) for role, parent in first.parents.items())),
        command="snakemake --cores all "
        + " ".join(str(one.run.folder(one.scale) / made(one)) for one in ones)
        + f" {config.options(user)}",
        explained=f"advkd explain {tag} {config.options(user)}",
        charts=curves.charts(histories),
    )


def made(one: Resolved) -> str:
    """Return the file that the workflow makes of a run."""
    return "metrics.json" if one.loop == "gan" else "result.json"


def record(one: Resolved) -> Record:
    """Return what there is of one training; what cannot be read stands in its `damage`."""
    folder, damage = one.run.folder(one.scale), []

    def take(name: str, use: Callable[[Path], Value]) -> Value | None:
        if not (folder / name).exists():
            return None
        found, problem = attempt(use, folder / name, what=str(folder / name))
        damage.extend([problem] if problem else [])
        return found

    state, problem = attempt(status.state, one, what=str(folder))
    outcome = take("result.json", lambda path: outcome_facts(one, read_json(path)))
    origin = take("provenance.json", lambda path: origin_of(one, read_json(path))) or Origin([], "", 0.0)
    values, unmeasured = attempt(measured, one, what=str(folder / "metrics.json"))
    found = Record(
        one,
        state=state or DAMAGED,
        facts=(outcome or []) + origin.facts,
        values=values or {},
        log=take("log.txt", tail) or "",
        seconds=origin.seconds,
        machine=origin.machine,
        history=take("history.csv", curves.read),
        damage=damage,
    )
    if found.state.startswith("done") and not (folder / "history.csv").exists():
        damage.append(f"{folder / 'history.csv'} is missing: {REMEDY}")
    if unmeasured and outcome:
        damage.append(unmeasured)
    if problem and not damage:  # otherwise it is of the same files
        damage.append(problem)
    return found


def tail(path: Path) -> str:
    """Return the last lines of a log."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-TAIL:])


def outcome_facts(one: Resolved, result: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what result.json says: how the training ended, and the checksums of what it left."""
    length = [f"{result[key]} {key}" for key in ("epochs", "steps") if key in result]
    best = [f"best epoch {result['best_epoch']}"] if "best_epoch" in result else []
    facts = [("outcome", ", ".join([result["status"], *length, *best]))]
    if one.hash != result["config_hash"]:
        facts.append(("of other settings", "numbers, curves and files below belong to what its config.yaml holds"))
    facts.append(("configuration", result["config_hash"]))
    return facts + [(f"sha256 {name}", value) for name, value in sorted(result["sha256"].items())]


def origin_of(one: Resolved, content: dict[str, Any]) -> Origin:
    """Return what provenance.json says: data, parents, code, machine, time."""
    data, last = content["data"], content["attempts"][-1]
    changed = " with changes" if last["changed"] else ""
    machine = describe_machine(content)
    facts = [
        ("data", f"{data['store']}: {describe_source(data['source'])}"),
        ("sha256 images.npy", data["sha256"]["images.npy"]),
        *(
            (f"its {role}", f"{parent['run']}, weights {parent['sha256'].get('model.safetensors', 'none')}")
            for role, parent in data.get("parents", {}).items()
        ),
        ("code", f"{content['code']}, commit {last['commit'] or 'unknown (no checkout)'}{changed}"),
        ("machine", machine),
        ("packages", ", ".join([f"Python {last['python']}", *(f"{k} {v}" for k, v in last["packages"].items())])),
        ("began", last["began"]),
        ("time", describe_time(content)),
        ("peak memory", ", ".join(f"{value} MiB {kind}" for kind, value in content["peak_memory_mib"].items())),
        ("folder", str(one.run.folder(one.scale))),
    ]
    return Origin(facts, machine, content["wall_seconds"])


def measured(one: Resolved) -> dict[str, str]:
    """Return the numbers of a run's metrics as text; none where it has no metrics of its settings."""
    metrics = read_metrics(one)
    values = {} if metrics is None else metrics["values"]
    return {name: shortest(round(value, 6)) for name, value in sorted(values.items()) if value is not None}
