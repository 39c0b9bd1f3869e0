"""The soak: 25 kills of each kind of job, memory over long trainings, and rounds of a workflow that is killed.

    python tests/soak/soak.py OUT.json [--rounds 20] [--minutes 40]

It takes about an hour on two cores. It ends with 1 if a file differs from that of an undisturbed job, if another file
or a process is left over, or if memory or open files grow.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "faults"), str(TESTS / "soak")]

import memory  # noqa: E402
import rounds  # noqa: E402

from advkd.files import read_json, write_json  # noqa: E402
from checkouts import ROOT  # noqa: E402


def main() -> int:
    """Run the soak and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="JSON file for the figures")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of the workflow, beside the undisturbed one")
    parser.add_argument("--minutes", type=float, default=40, help="minutes after which no round begins")
    parser.add_argument("--kills", type=int, default=25, help="kills of each kind of job; 0 leaves this part out")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    parser.add_argument("--no-memory", action="store_true", help="leave the long trainings out")
    args = parser.parse_args()
    out = args.out.absolute()
    os.chdir(ROOT)
    figures: dict = {"seed": args.seed}
    with tempfile.TemporaryDirectory(prefix="soak", ignore_cleanup_errors=True) as folder:
        if args.kills:
            figures["kills"] = kill_series(Path(folder, "kills.json"), args.kills, args.seed)
            write_json(out, figures)
        if not args.no_memory:
            trends = memory.trends(Path(folder, "memory"))
            figures["memory"] = [trend.summary() for trend in trends]
            write_json(out, figures)
            print(*map(memory.line, trends), sep="\n", flush=True)
        if args.rounds:
            played = rounds.soak(Path(folder, "rounds"), args.rounds, args.minutes, args.seed)
            figures["rounds"] = [played_round.summary() for played_round in played]
    figures["faults"] = faults(figures)
    write_json(out, figures)
    print(*figures["faults"] or ["no file differs, no file or process is left over, and nothing grows"], sep="\n")
    return int(bool(figures["faults"]))


def kill_series(file: Path, kills: int, seed: int) -> dict:
    """Run tests/faults/test_kills.py, two jobs at a time; return its figures by job, and its exit status."""
    options = ["--kills", str(kills), "--kill-seed", str(seed), "--kill-figures", str(file)]
    words = [sys.executable, "-m", "pytest", "tests/faults/test_kills.py", "-n", "2", *options]
    status = subprocess.run(words, cwd=ROOT).returncode
    figures = read_json(file) if file.exists() else {}
    for name, series in figures.items():
        outcome = "identical" if series["identical"] else series["differences"]
        print(f"{name:24s} {series['kills']:4d} kills {series['lives']:4d} lives of {series['seconds']:4.1f} s"
              f"  {series['hit']}  {outcome}", flush=True)  # fmt: skip
    return {"status": status, "works": figures}


def faults(figures: dict) -> list[str]:
    """Return a line for each fault."""
    lines = ["the kills: see above"] if figures.get("kills", {}).get("status") else []
    lines += [f"{trend['work']}: memory or open files grow" for trend in figures.get("memory", []) if not trend["flat"]]
    played = figures.get("rounds", [])
    for played_round in played:
        lines += [f"round {played_round['number']}: {fault}" for fault in played_round["faults"]]
    for kind in ("trainer_mib", "trainer_files"):
        first, last = memory.quarters([each["peak"][kind] for each in played]) if len(played) >= 8 else (0, 0)
        if last > first * (1 + memory.GROWTH):
            lines.append(f"{kind} grow over the rounds, from {first} to {last}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
