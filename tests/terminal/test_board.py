import os
from pathlib import Path

import pytest

from advkd.channel import Report
from advkd.progress import logging_to, say
from advkd.terminal.board import Board, describe, last_error

RUN = "okd/codebrim/sagan/okd/seed0"


def report(log, step=3, left=90.0):
    return Report([log], RUN, "iteration", step, 1000, "5 images/s", left)


@pytest.fixture
def board():
    board = Board(total=5)
    board.start(1, "train", {"run": RUN}, ["a.log"])
    board.start(2, "prepare", {"prepared": "codebrim-0123abcd"}, ["b.log"])
    return board


def test_jobs_are_counted_when_they_finish(board):
    assert board.finish(2).words == "preparing codebrim-0123abcd" and board.finish(7) is None
    assert board.done == 1 and list(board.running) == [1]


def test_a_report_belongs_to_the_job_with_its_log(board):
    board.note(report("b.log"))
    board.note(report("of nobody"))
    assert board.running[1].report is None and board.running[2].report.step == 3


def test_one_line_names_the_job_that_is_longest_from_its_end(board):
    board.start(3, "a_new_rule", {}, [])
    board.note(report("b.log", left=10))
    board.note(report("a.log", step=1234, left=90))
    assert board.line() == (
        f"0 s: 0 of 5 jobs; now {RUN}: iteration 1,234 of 1,000, 5 images/s, 2 min left; 2 more beside it"
    )
    assert Board(total=2).line() == "0 s: 0 of 2 jobs"


def test_a_loop_that_does_not_know_its_end_says_no_time():
    assert describe(report("a.log", left=None)) == "iteration 3 of 1,000, 5 images/s"


def test_a_failed_job_that_is_tried_again_has_not_failed(board):
    assert board.fail(1).words == RUN and board.fail(7) is None
    assert board.failures and 1 not in board.running
    board.start(1, "train", {"run": RUN}, ["a.log"])
    assert not board.failures and board.done == 0


def written(path: Path, *lines: str) -> Path:
    with logging_to(path):
        for line in lines:
            say(line)
    return path


def test_the_error_of_a_log_is_what_a_command_said_last(tmp_path, capsys):
    log = written(tmp_path / "log", "advkd train: an earlier try", "step 3", "advkd train: out of memory", "")
    assert last_error(log) == "advkd train: out of memory"


def test_the_error_of_a_traceback_is_its_last_line(tmp_path, capsys):
    try:
        raise ValueError("of the method")
    except ValueError:
        import traceback

        log = written(tmp_path / "log", "step 3", traceback.format_exc())
    assert last_error(log) == "ValueError: of the method"


def test_a_killed_job_leaves_no_error(tmp_path, capsys):
    assert last_error(written(tmp_path / "log", "step 3 of 4")) == "" == last_error(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    assert last_error(tmp_path / "pipe") == ""


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"advkd train: long ago\n" + b"\xff" * 100_000 + b"\nadvkd train: at last\n")
    assert last_error(log) == "advkd train: at last"
