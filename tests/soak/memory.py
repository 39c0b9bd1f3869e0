"""Watches the resident memory and the open files of a long training of each kind, every second."""

import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
import yaml
from killed import TRAININGS, resolved, training
from kills import Work
from processes import look

from advkd.files import write_text
from checkouts import ROOT, environment

WARM_UP, LONG = 20, 70  # seconds before the first reading, and of the readings
GROWTH = 0.05  # allowed growth from the first to the last quarter
ENDLESS = 5000  # epochs or iterations: more than fit into the time


@dataclass
class Trend:
    """The MiB and open files of a training: medians of the first and the last quarter of the readings."""

    work: str
    seconds: float
    mib: tuple[float, float]
    mib_per_minute: float
    files: tuple[float, float]

    @property
    def flat(self) -> bool:
        """Whether neither memory nor open files grew."""
        return all(last <= first * (1 + GROWTH) for first, last in (self.mib, self.files))

    def summary(self) -> dict:
        """Return the trend as plain values."""
        return {**asdict(self), "flat": self.flat}


def trends(work: Path) -> list[Trend]:
    """Watch a training of each kind, two at a time."""
    works = [training(name, work) for name in TRAININGS]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(_trend, works))


def _start(work: Work) -> subprocess.Popen:
    """Start the training with more epochs or iterations than its parent runs had."""
    document = resolved(TRAININGS[work.name]).document()
    length = "iterations" if document["loop"] == "gan" else "epochs"
    file = work.place / work.run / "config.yaml"
    write_text(file, yaml.safe_dump({**document, "settings": {**document["settings"], length: ENDLESS}}))
    options = ["--data-root", "data", "--device", "cpu", "--checkpoint-seconds", "1"]
    command = [sys.executable, "-m", "advkd.runs", str(file.relative_to(work.place)), *options]
    with printed(work).open("a") as out:
        return subprocess.Popen(command, cwd=work.place, env=environment(ROOT), stdout=out, stderr=out)


def printed(work: Work) -> Path:
    """Return the file with a training's printed lines."""
    return work.place.with_suffix(".out")


def _trend(work: Work) -> Trend:
    process = _start(work)
    try:
        return _look_at(work, process)
    finally:
        process.kill()


def _look_at(work: Work, process: subprocess.Popen) -> Trend:
    while not (work.place / work.run / "checkpoint.pt").exists():
        assert process.poll() is None, printed(work).read_text()[-2000:]
        time.sleep(0.1)
    time.sleep(WARM_UP)
    began, readings = time.monotonic(), []
    while (now := time.monotonic() - began) < LONG:
        _, mib, files = look(psutil.Process(process.pid))
        readings.append((now, mib, files))
        time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143, f"{work.name} should stop on request, but ended with {process.returncode}"
    seconds, mib, files = np.array(readings).T
    slope = np.polyfit(seconds / 60, mib, 1)[0]
    return Trend(work.name, round(now, 1), quarters(mib), round(float(slope), 2), quarters(files))


def quarters(values) -> tuple[float, float]:
    """Return the medians of the first and of the last quarter of some values."""
    count = max(1, len(values) // 4)
    first, last = statistics.median(values[:count]), statistics.median(values[-count:])
    return round(float(first), 1), round(float(last), 1)


def line(trend: Trend) -> str:
    """Return a trend as a line of a table."""
    return (
        f"{trend.work:12s} {trend.mib[0]:7.1f} -> {trend.mib[1]:7.1f} MiB {trend.mib_per_minute:+6.2f} MiB/min"
        f"  {trend.files[0]:4.0f} -> {trend.files[1]:4.0f} files  {'flat' if trend.flat else 'GROWS'}"
    )
