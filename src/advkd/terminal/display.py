"""Shows a board while a workflow runs: bars on a terminal, and a line now and then where there is none."""

from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from advkd.progress import duration
from advkd.terminal.board import Board

# Where there is no terminal: seconds until the first line, and between two lines later. In between, each line waits as
# long as the workflow has run, so that a short one prints few.
FIRST, LATER = 30.0, 600.0
PER_SECOND = 4  # the bars are drawn


class Display(Protocol):
    """Shows a board, and lines that stay."""

    def say(self, line: str) -> None:
        """Print a line that stays."""

    def refresh(self) -> None:
        """Show the board as it is now."""

    def close(self) -> None:
        """Show nothing any more."""


class Lines:
    """A line now and then, of a board whose jobs run."""

    def __init__(self, console: Console, board: Board) -> None:
        self.console, self.board = console, board
        self.next = FIRST

    def say(self, line: str) -> None:
        """Print a line that stays."""
        print_line(self.console, line)

    def refresh(self) -> None:
        """Print a line, if it is time."""
        if self.board.running and self.board.seconds >= self.next:
            self.next = self.board.seconds + min(max(FIRST, self.board.seconds), LATER)
            self.say(f"  {self.board.line()}")

    def close(self) -> None:
        """Show nothing any more."""


class Bars:
    """A bar for all jobs, and below it one for each running training and each other job that says how far it is."""

    def __init__(self, console: Console, board: Board) -> None:
        self.console, self.board = console, board
        self.tasks: dict[int, TaskID] = {}
        fields = ("task.description", "task.fields[share]", "task.fields[about]")
        name, share, about = (
            TextColumn(f"{{{field}}}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
            for field in fields
        )
        self.progress = Progress(
            name, BarColumn(bar_width=12), share, about, console=console, transient=True, refresh_per_second=PER_SECOND
        )
        self.whole = self.progress.add_task("", total=None, share="", about="")
        self.progress.start()

    def say(self, line: str) -> None:
        """Print a line that stays above the bars."""
        print_line(self.progress.console, line)

    def refresh(self) -> None:
        """Give each bar its length."""
        running = list(self.board.running.items())
        with_bar = {number: job for number, job in running if job.report or job.rule == "train"}
        others = [job.words for number, job in running if number not in with_bar]
        self.progress.update(
            self.whole, description=f"  {self.board.done} of {self.board.total} jobs", completed=self.board.done,
            total=self.board.total, share=duration(self.board.seconds), about=", ".join(others),
        )  # fmt: skip
        for number in self.tasks.keys() - with_bar.keys():
            self.progress.remove_task(self.tasks.pop(number))
        for number, job in with_bar.items():
            if number not in self.tasks:
                self.tasks[number] = self.progress.add_task(f"  {job.words}", total=1, share="", about="begins")
            if report := job.report:
                left = "" if report.left is None else f"{duration(report.left)} left"
                about = "  ".join(filter(None, [report.rate, left]))
                self.progress.update(
                    self.tasks[number], completed=report.step, total=report.total,
                    share=f"{report.step / max(report.total, 1):.0%}", about=about,
                )  # fmt: skip

    def close(self) -> None:
        """Remove the bars."""
        self.progress.stop()


def print_line(console: Console, line: str) -> None:
    """Print a line as it is: neither markup nor numbers in colour, and not broken where there is no terminal."""
    console.print(line, markup=False, highlight=False, soft_wrap=not console.is_terminal)
