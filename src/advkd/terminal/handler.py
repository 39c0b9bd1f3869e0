"""The logger plugin of Snakemake: its records become changes of a board, and what a person sees."""

import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from advkd.channel import Listener
from advkd.runs.workflow_jobs import error_in_one_line
from advkd.terminal import ending
from advkd.terminal.board import Board
from advkd.terminal.display import Bars, Display, Lines
from advkd.terminal.plan import ACTIVE, Plan

WIDE = 200  # columns of a table where there is no terminal
TICK = 0.25  # seconds between two looks at the board, at most
INTERRUPTED = "Terminating processes on user request"  # how Snakemake's line begins
OF_JOBS = {"RuleException", "CalledProcessError", "SpawnedJobError"}  # a record of the job follows, or comes before
NAMED = {
    "table",
    "figure",
    "page",
    "pdf",
    "evidence",
    "usefulness",
}  # rules whose files are named when they are finished


class _Console(Console):
    """A console that goes on in silence when its reader has gone, where rich ends the process."""

    def on_broken_pipe(self) -> None:
        """Print nothing more."""
        self.quiet = True


def console_of(stream: TextIO) -> Console:
    """Return a console that prints to a standard stream, also what its encoding lacks."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    if stream.isatty():
        return _Console(file=stream)
    # Jupyter and some CI ask for colour where no bar can be drawn (FORCE_COLOR), which rich takes for a terminal.
    return _Console(file=stream, force_terminal=False, width=WIDE)


class LogHandler(LogHandlerBase):
    """Prints what a person wants to see of Snakemake's records."""

    def __post_init__(self) -> None:
        """Prepare the board; nothing is shown before the Snakefile announces its plan."""
        self.board = Board()
        self.plan: Plan | None = None
        self.early: list[str] = []  # what Snakemake says before there is a plan, such as the answer to --unlock
        self.errors: list[str] = []
        self.interrupted = False
        self.closed = threading.Event()
        self.console = console_of(sys.stderr)
        self.display: Display = Lines(self.console, self.board)
        self.listener: Listener | None = None
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        if not self.common_settings.dryrun:
            os.environ[ACTIVE] = "1"
            with contextlib.suppress(OSError):  # then there are lines and no bars
                self.listener = Listener()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of Snakemake's."""
        try:
            if self.common_settings.dryrun:
                print(self.format(record))
            else:
                self._take(record)
        except Exception:
            self.handleError(record)

    def _take(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        of = vars(record)
        if "plan" in of:
            self._begin(of["plan"])
        elif event == LogEvent.JOB_INFO:
            if of["output"]:  # a target has none, and runs nothing
                self.board.start(of["jobid"], of["rule_name"], of["wildcards"] or {}, of["log"])
        elif event == LogEvent.JOB_FINISHED:
            self._finish(of["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._fail(of["jobid"])
        elif record.levelno >= logging.ERROR:
            if of.get("exception") not in OF_JOBS:
                self.errors.append(error_in_one_line(record.getMessage()))
        elif record.getMessage().startswith(INTERRUPTED):
            self.interrupted = True
        elif self.plan is None and event is None:
            self.early.append(self.format(record))

    def _begin(self, plan: Plan) -> None:
        self.plan = plan
        self.board.total = len(plan.steps)
        for line in plan.lines():
            self.display.say(line)
        if plan.steps:
            if self.console.is_terminal:
                self.display = Bars(self.console, self.board)
            self.watcher.start()

    def _finish(self, number: int) -> None:
        job = self.board.finish(number)
        if job and job.rule in NAMED:
            self.display.say(f"  finished: {job.words.partition(' ')[2]}")

    def _fail(self, number: int) -> None:
        failed = self.board.fail(number)
        if failed and not self.interrupted:
            self.display.say(f"  failed: {failed.words}")

    def _watch(self) -> None:
        """Note what the jobs report, and refresh the display, until the end."""
        while not self.closed.is_set():
            if not self.listener:
                self.closed.wait(TICK)
            elif report := self.listener.receive(TICK):
                self.board.note(report)
            self.display.refresh()

    def close(self) -> None:
        """Print how it ended, once."""
        if not self.closed.is_set():
            self.closed.set()
            if self.watcher.ident:
                self.watcher.join()
            self.display.close()
            if self.listener:
                self.listener.close()
            try:
                self._end()
            except Exception as error:  # Snakemake would say nothing of it
                print(f"advkd: the end cannot be shown: {error}", file=sys.stderr)
        super().close()

    def _end(self) -> None:
        if self.common_settings.dryrun:
            return
        if self.plan is None:
            for line in self.errors[-1:] or self.early:
                print(line, file=sys.stderr)
        elif self.interrupted:
            self._print(self.console, ending.interruption(self.board))
        elif self.board.failures:
            self._print(self.console, ending.failure(self.plan, self.board))
        elif self.errors:
            self._print(self.console, self.errors[-1:])
        else:
            console = console_of(sys.stdout)
            self._print(console, ending.success(self.plan, self.board, console.width))

    def _print(self, console: Console, parts: Iterable[RenderableType]) -> None:
        for part in parts:
            console.print(part, markup=False, highlight=False, soft_wrap=not isinstance(part, Group | Table))

    writes_to_stream = True  # so that Snakemake prints nothing itself
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False
