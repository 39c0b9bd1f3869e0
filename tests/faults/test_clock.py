"""A clock that is set back or ahead between tries and during one: nothing that is computed or decided depends on it."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
import tiny_runs
from small_workflows import CONFIG, FOLDER, PRODUCTS, RUN, SETTINGS, USER, finish, resolved
from tiny_runs import document, make_store

from advkd import progress
from advkd.cli import main
from advkd.files import read_json, write_json
from advkd.methods.okd import GanEnsemble
from advkd.progress import Progress
from advkd.runs import checkpoint
from advkd.runs.train import train
from checkouts import snakemake

HOUR = 3600.0
PLAIN = {name: getattr(time, name) for name in ("time", "time_ns", "gmtime", "localtime", "strftime")}


class Clock:
    """The time of day, `ahead` of the true one by so many seconds; time.monotonic goes on as the kernel's does."""

    def __init__(self, monkeypatch) -> None:
        self.ahead = 0.0
        monkeypatch.setattr(time, "time", lambda: PLAIN["time"]() + self.ahead)
        monkeypatch.setattr(time, "time_ns", lambda: PLAIN["time_ns"]() + int(self.ahead * 1e9))
        for name in ("gmtime", "localtime"):
            monkeypatch.setattr(time, name, self._broken_down(name))
        monkeypatch.setattr(time, "strftime", lambda form, at=None: PLAIN["strftime"](form, at or time.localtime()))

    @staticmethod
    def _broken_down(name: str):
        return lambda seconds=None: PLAIN[name](time.time() if seconds is None else seconds)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("data"))


def each_step(monkeypatch, action):
    """Call `action` with the number of the step, from 1, after every step."""
    original, made = GanEnsemble.step, []

    def step(self, *args):
        made.append(1)
        terms = original(self, *args)
        action(len(made))
        return terms

    monkeypatch.setattr(GanEnsemble, "step", step)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in PRODUCTS}


def test_a_training_ends_with_the_same_bits_and_no_duration_is_negative(tmp_path, data_root, clock, monkeypatch):
    """Back by hours within a try and between two, and ahead into another century."""
    doc = document(RUN, curve_points=0)
    assert train(doc, tmp_path / "plain", data_root, "cpu", 1000) == 0
    saved = []
    original = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda *args: saved.append(1) or original(*args))

    def jump(number: int) -> None:
        clock.ahead = {2: -5 * HOUR, 3: 9 * HOUR, 4: -20 * HOUR}.get(number, clock.ahead)
        if number == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        each_step(patch, jump)
        assert train(doc, tmp_path / "jumping", data_root, "cpu", 1000) == 143
    assert len(saved) == 1, "a checkpoint is due by a clock that nobody sets"
    clock.ahead = -1e9
    assert train(doc, tmp_path / "jumping", data_root, "cpu", 1000) == 0
    assert contents(tmp_path / "jumping") == contents(tmp_path / "plain")
    found = read_json(tmp_path / "jumping/provenance.json")
    assert 0 < found["wall_seconds"] < HOUR
    began = [attempt["began"] for attempt in found["attempts"]]
    assert began[1] < began[0], "told as the clock said it"
    log = (tmp_path / "jumping/log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in log)
    assert not re.search(r" -\d+ (s|min|h|d)\b", "\n".join(log))


def test_checkpoints_go_on_being_due_while_the_clock_stands_in_the_past(tmp_path, data_root, clock, monkeypatch):
    each_step(monkeypatch, lambda number: setattr(clock, "ahead", -HOUR * number))
    steps, save = [], checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda folder, state: steps.append(state["step"]) or save(folder, state))
    train(document(RUN, curve_points=0, iterations=3), tmp_path, data_root, "cpu", 0)
    assert steps == [1, 2, 3, 3]


def test_progress_counts_by_a_clock_that_nobody_sets(clock, capsys):
    """A line falls due, and says how much is left, whatever the time of day."""
    bar = Progress("a", 10, every=0.0)
    for step, ahead in ((3, -5 * HOUR), (6, 5 * HOUR), (9, -1e9)):
        clock.ahead = ahead
        bar.update(step)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and all(line.endswith("  0 s left") for line in lines)
    assert bar.seconds < HOUR
    assert progress.duration(0.0) == "0 s"


def test_what_is_told_of_runs_of_another_time_is_sound(checkout, clock, capsys):
    """A run that began in the future, as a clock that was set back since has it, still says how long another takes."""
    finish(RUN, tiny_runs, USER)
    path = FOLDER / "provenance.json"
    told = read_json(path)
    told["attempts"][0]["began"] = "2199-01-01T00:00:00Z"
    write_json(path, told)
    for file in FOLDER.iterdir():
        os.utime(file, (PLAIN["time"]() + 1e9,) * 2)
    clock.ahead = -1e8
    for words in (["status", "--all"], ["plan", "okd_table1"], ["explain", "okd_table1", "SAGAN"]):
        assert main([*words, *CONFIG]) == 0, words
    printed = capsys.readouterr().out
    assert re.search(rf"{RUN}  done$", printed, re.MULTILINE)
    assert re.search(r"to train: \d+ runs, \d+ (s|min) one after the other", printed)
    assert not re.search(r"[ (]-\d+(\.\d+)? (s|min|h|d)\b", printed)


def test_times_of_files_alone_make_nothing_run_again(checkout):
    """Snakemake compares times, but of inputs below a megabyte, as all of ours are, the content too."""
    store = f"data/stores/{resolved().store}/meta.json"
    snakemake(checkout, store, *CONFIG)
    made = Path(f"data/made/codebrim-{SETTINGS['made_photos']}.json")
    now = time.time()
    os.utime(made, (now + 20 * HOUR,) * 2)
    os.utime(store, (now + 10 * HOUR,) * 2)
    assert "Nothing to be done" in snakemake(checkout, "-n", store, *CONFIG).stdout
    record = json.loads(made.read_text())
    made.write_text(json.dumps({**record, "content": "0" * 64}))
    os.utime(made, (now + 20 * HOUR,) * 2)
    again = snakemake(checkout, "-n", store, *CONFIG).stdout
    assert "rule prepare:" in again and "Updated input files" in again
