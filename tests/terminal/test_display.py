import io

import pytest
from rich.console import Console

from advkd.channel import Report
from advkd.terminal import display
from advkd.terminal.board import Board

RUN = "aikd/cifar100/preact_resnet18/aikd/seed0"


class Clock(Board):
    """A board whose workflow has run for `now` seconds."""

    now = 0.0
    seconds = property(lambda self: self.now)


@pytest.fixture
def board():
    board = Clock(total=4)
    board.start(1, "train", {"run": RUN}, ["a.log"])
    board.start(2, "table", {"table": "okd_table1"}, ["b.log"])
    return board


def test_lines_come_now_and_then_and_a_short_workflow_has_few(board):
    out = io.StringIO()
    lines = display.Lines(Console(file=out, width=200), board)
    moments = []
    for second in range(4000):
        board.now, before = float(second), out.tell()
        lines.refresh()
        if out.tell() > before:
            moments.append(second)
    assert moments == [30, 60, 120, 240, 480, 960, 1560, 2160, 2760, 3360, 3960]
    assert out.getvalue().startswith("  30 s: 0 of 4 jobs; now writing okd_table1; 1 more beside it\n")


def test_nothing_is_said_while_no_job_runs(board):
    out = io.StringIO()
    board.running.clear()
    board.now = 100.0
    display.Lines(Console(file=out), board).refresh()
    assert out.getvalue() == ""


def test_each_training_has_a_bar_with_rate_and_time_left(board):
    out = io.StringIO()
    bars = display.Bars(Console(file=out, width=100, force_terminal=True, color_system=None), board)
    bars.refresh()
    bars.progress.refresh()
    shown = out.getvalue()
    assert "0 of 4 jobs" in shown and "writing okd_table1" in shown and f"{RUN} " in shown and "begins" in shown
    board.note(Report(["a.log"], RUN, "step", 30, 120, "77 images/s", 200.0))
    bars.refresh()
    bars.progress.refresh()
    shown = out.getvalue()[len(shown) :]
    assert "25%" in shown and "77 images/s" in shown and "3 min left" in shown
    board.finish(1)
    bars.refresh()
    before = out.tell()
    bars.progress.refresh()
    assert RUN not in out.getvalue()[before:] and "1 of 4 jobs" in out.getvalue()[before:]
    bars.say("  finished: [okd_table1]")
    bars.close()
    assert "finished: [okd_table1]" in out.getvalue()
