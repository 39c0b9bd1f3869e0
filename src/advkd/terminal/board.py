"""The jobs of a workflow while it runs: which run now, how far each is, how many are finished, and which failed."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advkd.channel import Report
from advkd.opening import open_file
from advkd.progress import duration

# What a job of a rule does, in words.
WORK = {
    "fetch": "fetching {dataset}",
    "fetch_inception": "fetching the weights of FID's network",
    "draw": "drawing {dataset}",
    "prepare": "preparing {prepared}",
    "derive": "joining {prepared}-{derived}",
    "train": "{run}",
    "reals": "features of {store}",
    "evaluate": "evaluating {run}",
    "table": "writing {table}",
    "figure": "drawing {figure}",
    "page": "writing the report's page",
    "pdf": "writing the report's PDF",
}
TAIL = 1 << 16  # bytes at the end of a log in which its error is looked for
DATE = len("2025-01-31 12:00:00 ")  # stands before every line that `advkd.progress.say` writes


@dataclass
class Job:
    """A job that runs.

    Attributes:
        rule: the rule's name.
        words: what it does.
        logs: its log files.
        report: how far it is, if it has said so.
    """

    rule: str
    words: str
    logs: Sequence[str]
    report: Report | None = None


@dataclass(frozen=True)
class Failure:
    """A job that failed: what it did, its error in one line, and its log."""

    words: str
    error: str
    log: str


@dataclass
class Board:
    """All jobs of a workflow.

    Attributes:
        running: the running jobs, by their number.
        done: how many are finished.
        total: how many there are in all.
        failures: the jobs that failed, and were not started again, by their number.
        began: when the workflow began, on the monotonic clock.
    """

    running: dict[int, Job] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    failures: dict[int, Failure] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since the workflow began."""
        return time.monotonic() - self.began

    def start(self, number: int, rule: str, wildcards: Mapping[str, str], logs: Sequence[str]) -> None:
        """Note that a job runs."""
        self.failures.pop(number, None)  # it is tried again
        words = WORK.get(rule, rule.replace("_", " ")).format_map(wildcards)
        self.running[number] = Job(rule, words, logs)

    def finish(self, number: int) -> Job | None:
        """Note that a job is finished, and return it; None where it was not known."""
        job = self.running.pop(number, None)
        self.done += job is not None
        return job

    def fail(self, number: int) -> Failure | None:
        """Note that a job failed, and return how; None where it was not known."""
        job = self.running.pop(number, None)
        if job is None:
            return None
        log = next(iter(job.logs), "")
        self.failures[number] = Failure(job.words, last_error(Path(log)) if log else "", log)
        return self.failures[number]

    def note(self, report: Report) -> None:
        """Note how far a job is."""
        for job in list(self.running.values()):
            if set(report.logs) & set(job.logs):
                job.report = report

    def line(self) -> str:
        """Return how far the workflow is, in one line: the count, and the job that is longest from its end."""
        line = f"{duration(self.seconds)}: {self.done} of {self.total} jobs"
        jobs = sorted(self.running.values(), key=lambda job: (job.report.left or 0.0) if job.report else -1.0)
        if not jobs:
            return line
        line += f"; now {jobs[-1].words}"
        if report := jobs[-1].report:
            line += f": {describe(report)}"
        others = len(jobs) - 1
        return line + (f"; {others} more beside it" if others else "")


def describe(report: Report) -> str:
    """Return how far a loop is: its step, its rate and the time left."""
    left = "" if report.left is None else f"{duration(report.left)} left"
    return ", ".join(filter(None, [f"{report.unit} {report.step:,} of {report.total:,}", report.rate, left]))


def last_error(log: Path) -> str:
    """Return the error at the end of a job's log, in one line; an empty text where there is none.

    It is the last line that a command of advkd printed as an error, or the last line of a traceback.
    """
    try:
        with open_file(log) as file:
            file.seek(max(os.fstat(file.fileno()).st_size - TAIL, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    traceback = False
    found = ""
    for line in lines:
        text = line[DATE:] if line[:4].isdigit() and line[4:5] == "-" else line
        if text.startswith("advkd "):
            found, traceback = text, False
        elif text.startswith("Traceback "):
            traceback = True
        elif traceback and text[:1].strip():
            found = text
    return found
