"""Setting the clock back or ahead, between tries or during one, changes no result and no decision."""

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
from advkd.files import read_json
from advkd.methods.okd import GanEnsemble
from advkd.progress import Progress
from advkd.runs import checkpoint
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.train import train
from checkouts import snakemake

HOUR = 3600.0
PLAIN = {name: getattr(time, name) for name in ("time", "time_ns", "gmtime", "localtime", "strftime")}


class Clock:
    """A clock that is `ahead` seconds ahead of the true time of day; time.monotonic is not changed."""

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
    """Call `action` after every step, with the number of the step (from 1)."""
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
    """The clock jumps back by hours within a try and between two tries, and ahead into another century."""
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
    assert len(saved) == 1, "checkpoints follow a clock that cannot be set"
    clock.ahead = -1e9
    assert train(doc, tmp_path / "jumping", data_root, "cpu", 1000) == 0
    assert contents(tmp_path / "jumping") == contents(tmp_path / "plain")
    found = read_json(tmp_path / "jumping/provenance.json")
    assert 0 < found["wall_seconds"] < HOUR
    began = [attempt["began"] for attempt in found["attempts"]]
    assert began[1] < began[0], "provenance has the time of day of the clock"
    log = (tmp_path / "jumping/log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in log)
    assert not re.search(r" -\d+ (s|min|h|d)\b", "\n".join(log))


def test_checkpoints_are_still_written_while_the_clock_is_in_the_past(tmp_path, data_root, clock, monkeypatch):
    each_step(monkeypatch, lambda number: setattr(clock, "ahead", -HOUR * number))
    steps, save = [], checkpoint.save
    monkeypatch.setattr(checkpoint, "save", lambda folder, state: steps.append(state["step"]) or save(folder, state))
    train(document(RUN, curve_points=0, iterations=3), tmp_path, data_root, "cpu", 0)
    assert steps == [1, 2, 3, 3]


def test_progress_does_not_depend_on_the_time_of_day(clock, capsys):
    """Lines are printed, and state the time that is left, whatever the clock says."""
    bar = Progress("a", 10, every=0.0)
    for step, ahead in ((3, -5 * HOUR), (6, 5 * HOUR), (9, -1e9)):
        clock.ahead = ahead
        bar.update(step)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and all(line.endswith("  0 s left") for line in lines)
    assert bar.seconds < HOUR
    assert progress.duration(0.0) == "0 s"


def test_status_and_plan_cope_with_a_run_from_the_future(checkout, clock, capsys):
    """A run that began in the future, because the clock was set back since, still gives the time for other runs."""
    finish(RUN, tiny_runs, USER)
    provenance = WritableFolder(FOLDER).provenance()
    provenance["attempts"][0]["began"] = "2199-01-01T00:00:00Z"
    WritableFolder(FOLDER).write_provenance(provenance)
    for file in FOLDER.iterdir():
        os.utime(file, (PLAIN["time"]() + 1e9,) * 2)
    clock.ahead = -1e8
    for words in (["status", "--all"], ["plan", "okd_table1"], ["explain", "okd_table1", "SAGAN"]):
        assert main([*words, *CONFIG]) == 0, words
    printed = capsys.readouterr().out
    assert re.search(rf"{RUN}  trained, not evaluated: ", printed, re.MULTILINE)
    assert re.search(r"to train: \d+ runs, about \d+ (s|min) one after the other", printed)
    assert not re.search(r"[ (]-\d+(\.\d+)? (s|min|h|d)\b", printed)


def test_nothing_runs_again_only_because_of_the_times_of_files(checkout):
    """Snakemake compares times, but also the content of inputs below a megabyte, as all of these are."""
    store = f"data/stores/{resolved().store}/meta.json"
    snakemake(checkout, store, *CONFIG)
    made = Path(f"data/made/codebrim-{SETTINGS['made_photos']}.json")
    now = time.time()
    os.utime(made, (now + 20 * HOUR,) * 2)
    os.utime(store, (now + 10 * HOUR,) * 2)
    assert "Nothing to be done" in snakemake(checkout, "-n", store, *CONFIG).stdout
    record = json.loads(made.read_text())
    made.write_text(json.dumps({**record, "sha256": "0" * 64}))
    os.utime(made, (now + 20 * HOUR,) * 2)
    again = snakemake(checkout, "-n", store, *CONFIG).stdout
    assert "rule prepare:" in again and "Updated input files" in again
