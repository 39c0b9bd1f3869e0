"""The soak: 25 kills of every kind of work, memory over long trainings, and rounds of a workflow that is killed.

    python tests/soak/soak.py OUT.json [--rounds 20] [--minutes 40]

Takes about an hour on two cores. Ends with 1 if anything differs from what is left undisturbed, if anything is left
over, or if memory or open files grow.
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
    """Run the soak; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="JSON file for the figures")
    parser.add_argument("--rounds", type=int, default=20, help="of the workflow, beside the undisturbed one")
    parser.add_argument("--minutes", type=float, default=40, help="after which no round begins")
    parser.add_argument("--kills", type=int, default=25, help="of every kind of work; 0: leave this part out")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--no-memory", action="store_true", help="leave the long trainings out")
    args = parser.parse_args()
    out = args.out.absolute()
    os.chdir(ROOT)
    found: dict = {"seed": args.seed}
    with tempfile.TemporaryDirectory(prefix="soak", ignore_cleanup_errors=True) as folder:
        if args.kills:
            found["kills"] = kill_series(Path(folder, "kills.json"), args.kills, args.seed)
            write_json(out, found)
        if not args.no_memory:
            trends = memory.trends(Path(folder, "memory"))
            found["memory"] = [one.summary() for one in trends]
            write_json(out, found)
            print(*map(memory.line, trends), sep="\n", flush=True)
        if args.rounds:
            played = rounds.soak(Path(folder, "rounds"), args.rounds, args.minutes, args.seed)
            found["rounds"] = [one.summary() for one in played]
    found["faults"] = faults(found)
    write_json(out, found)
    print(*found["faults"] or ["nothing differs, nothing is left over, nothing grows"], sep="\n")
    return int(bool(found["faults"]))


def kill_series(file: Path, kills: int, seed: int) -> dict:
    """Run tests/faults/test_kills.py, two works at a time; return its figures by work, and its exit status."""
    options = ["--kills", str(kills), "--kill-seed", str(seed), "--kill-figures", str(file)]
    words = [sys.executable, "-m", "pytest", "tests/faults/test_kills.py", "-n", "2", *options]
    status = subprocess.run(words, cwd=ROOT).returncode
    figures = read_json(file) if file.exists() else {}
    for name, one in figures.items():
        print(f"{name:24s} {one['kills']:4d} kills {one['lives']:4d} lives of {one['seconds']:4.1f} s  {one['hit']}"
              f"  {'identical' if one['identical'] else one['differences']}", flush=True)  # fmt: skip
    return {"status": status, "works": figures}


def faults(found: dict) -> list[str]:
    """Return what is wrong, a line each."""
    lines = ["the kills: see above"] if found.get("kills", {}).get("status") else []
    lines += [f"{one['work']}: memory or open files grow" for one in found.get("memory", []) if not one["flat"]]
    played = found.get("rounds", [])
    lines += [f"round {one['number']}: {fault}" for one in played for fault in one["faults"]]
    for kind in ("trainer_mib", "trainer_files"):
        first, last = memory.quarters([one["peak"][kind] for one in played]) if len(played) >= 8 else (0, 0)
        if last > first * (1 + memory.GROWTH):
            lines.append(f"{kind} grow over the rounds, from {first} to {last}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
