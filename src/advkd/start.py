"""`make TARGET`: start Snakemake, first clearing the lock that a killed one left behind.

Snakemake's own lock outlives a SIGKILL. Here a second lock (flock, which
the kernel releases with its holder, and which every Snakemake of this checkout shares) tells whether one still lives;
only if none does is Snakemake's lock cleared.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

STATE = Path(".snakemake")


def main(arguments: list[str]) -> int:
    """Run `snakemake --cores all ARGUMENTS` in this folder; returns 2 where another Snakemake works here."""
    if not Path("Snakefile").exists():
        print("advkd: no Snakefile here: start from the top folder of the checkout", file=sys.stderr)
        return 2
    if "paper" in arguments:
        from advkd import doctor

        if (found := doctor.tex()).state != "ok":
            print(f"advkd: {found.found}; everything but paper/report.pdf will be made", file=sys.stderr)
    snakemake = [sys.executable, "-m", "snakemake"]
    try:
        STATE.mkdir(exist_ok=True)
        lock = os.open(STATE / "advkd.lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        print(f"advkd: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("advkd: another Snakemake works in this folder: wait for it, or stop it", file=sys.stderr)
        return 2
    if any((STATE / "locks").glob("*")):
        print("advkd: clearing the lock of a Snakemake that was killed", file=sys.stderr)
        if failed := subprocess.run([*snakemake, "--unlock", "--quiet"]).returncode:
            return failed  # it said why
    # Shared from here on, as by a Snakemake started by hand. The descriptor survives the exec; Snakemake closes
    # descriptors for its jobs, so an orphaned training does not keep the lock.
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.set_inheritable(lock, True)
    os.execv(sys.executable, [*snakemake, "--cores", "all", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
