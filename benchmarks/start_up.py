"""Compares jobs that are forked from the server of jobs with plain processes: seconds, CPU seconds, and every byte.

    PYTHONPATH=src python benchmarks/start_up.py [--rounds 5]

A smoke training of each paper and the evaluation of a GAN are run both ways in turns, one thread each, in a temporary
folder. CPU seconds are those of all processes of a job; the server's own imports are printed beside them, and the peak
memory that a training records. The files that both ways leave must be equal, except for those that hold times.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from advkd.files import sha256
from advkd.jobs import client, launch
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import METRICS
from advkd.runs.stores import store_of
from advkd.settings import config

ROOT = Path(__file__).parent.parent
RUNS = ["okd/codebrim/sagan/single/seed0", "aikd/cifar100/preact_resnet18/baseline/seed0",
        "gip/cifar10/resnet18/baseline/seed0"]  # fmt: skip
TIMES = ("provenance.json", "log.txt", ".log")  # files that hold times
SETTINGS = ["--config", "scale=smoke", "device=cpu"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        for name in ("config", "paper"):
            shutil.copytree(ROOT / name, Path(place, name))
        os.chdir(place)
        measure(rounds)


def measure(rounds: int) -> None:
    """Print the medians."""
    os.environ |= {**dict.fromkeys(launch.THREADS, "1"), "PYTHONPATH": str(ROOT / "src"), "ADVKD_PROGRESS": "plain"}
    user = config.user({"scale": "smoke", "device": "cpu"})
    resolved = [config.resolve(run, user) for run in RUNS]
    for run in resolved:
        record = f"data/made/{run.run.dataset}-{run.drawn}.json"
        plain("draw", run.run.dataset, "--size", str(run.drawn), "--out", record)
        settings = json.dumps(run.store_settings)
        plain("prepare", record, "--settings", settings, "--out", str(store_of(run, user)))
    gan = resolved[0]
    store = str(store_of(gan, user))
    plain("reals", store, "--features", gan.features, "--out", "data/reals")
    plain("train", RUNS[0])
    folders = {str(run.run): RunFolder.of(str(run.run), "smoke").path for run in resolved}
    metrics = folders[RUNS[0]] / METRICS
    evaluation = ["evaluate", RUNS[0], "--reals", "data/reals", "--out", str(metrics)]
    jobs = {"evaluation": (evaluation, metrics)}
    jobs |= {f"training, {run.partition('/')[0]}": (["train", run], folders[run]) for run in RUNS}

    began = time.monotonic()
    assert launch.start(["train", "evaluate", "reals"], [gan.features], ROOT / "src")
    address = os.environ.pop(launch.ADDRESS)
    way = [sys.executable, "-IS", client.__file__, address]
    subprocess.run([*way, sys.executable, "-m", "advkd", "--version"], check=True, stdout=subprocess.DEVNULL)
    server = next(iter(children(os.getpid())))
    print(f"server: {time.monotonic() - began:.1f} s, {ticks(server, 13):.1f} CPU s, once\n")
    print(f"{'medians of ' + str(rounds):20}{'plain: s':>10}{'CPU s':>8}{'forked: s':>11}{'CPU s':>8}  files")
    for name, (words, made) in jobs.items():
        times: dict[str, list[tuple[float, float]]] = {"plain": [], "forked": []}
        digests, peaks = set(), dict.fromkeys(times, 0)
        for number in range(2 * rounds):
            kind = list(times)[number % 2]
            shutil.rmtree(made, ignore_errors=True) if made.is_dir() else made.unlink(missing_ok=True)
            before, wall = cpu(server), time.monotonic()
            subprocess.run([*way * (kind == "forked"), *command(*words)], check=True, stderr=subprocess.DEVNULL)
            times[kind].append((time.monotonic() - wall, cpu(server) - before))
            digests.add(contents(made))
            if made.is_dir():
                peaks[kind] = RunFolder(made).provenance()["peak_memory_mib"]["resident"]
        columns = [statistics.median(column) for kind in times.values() for column in zip(*kind, strict=True)]
        equal = "equal" if len(digests) == 1 else "DIFFERENT"
        print(f"{name:20}{columns[0]:10.2f}{columns[1]:8.2f}{columns[2]:11.2f}{columns[3]:8.2f}  {equal}; MiB: {peaks}")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "advkd", *words, *SETTINGS]


def plain(*words: str) -> None:
    subprocess.run(command(*words), check=True, stderr=subprocess.DEVNULL)


def cpu(server: int) -> float:
    """Return the CPU seconds of all ended jobs and of the server."""
    own = os.times()
    return own.children_user + own.children_system + ticks(server, 13) + ticks(server, 15)


def ticks(process: int, first: int) -> float:
    """Return the sum of two neighbouring times of /proc/PID/stat: 13 for its own, 15 for its ended children's."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[first - 2 : first])) / os.sysconf("SC_CLK_TCK")


def children(process: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def contents(made: Path) -> str:
    """Return the checksums of a file, or of the files of a folder that hold no times."""
    files = sorted(made.rglob("*")) if made.is_dir() else [made]
    return " ".join(sha256(path) for path in files if path.is_file() and not path.name.endswith(TIMES))


if __name__ == "__main__":
    main()
