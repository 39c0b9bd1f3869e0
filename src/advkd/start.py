"""`make TARGET` and `advkd run TARGET`: starts Snakemake after clearing the lock that a killed Snakemake left behind.

Snakemake's own lock outlives a SIGKILL. A second lock tells whether a Snakemake still runs: every Snakemake of this
folder shares it (flock), and the kernel releases it when its holder dies. Snakemake's lock is cleared only when
nobody holds the second one.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from advkd import targets
from advkd.errors import UserError
from advkd.extras import lacking
from advkd.locks import hold, try_hold
from advkd.opening import open_to_append

STATE = Path(".snakemake")


def main(arguments: list[str]) -> int:
    """Run `snakemake --cores all ARGUMENTS` in this folder; return 2 if another Snakemake works here."""
    if not Path("Snakefile").exists():
        print("advkd: no Snakefile here: start from the top of a project (advkd init makes one)", file=sys.stderr)
        return 2
    if find_spec("snakemake") is None:
        print(f"advkd run {lacking('workflow')}", file=sys.stderr)
        return 2
    if fault := targets.mistyped(arguments):
        print(f"advkd: {fault}", file=sys.stderr)
        return 2
    if "paper" in arguments:
        from advkd import doctor

        check = doctor.check_tex()
        if check.state != "ok":
            print(f"advkd: {check.message}; everything but paper/report.pdf will be made", file=sys.stderr)
    snakemake = [sys.executable, "-m", "snakemake"]
    # Where advkd is not installed, Snakemake does not find its plugin and prints its own lines.
    plugin = find_spec("snakemake_logger_plugin_advkd") and "--logger" not in arguments
    logger = ["--logger=advkd"] if plugin else []  # as one word: it would take the targets too
    try:
        STATE.mkdir(exist_ok=True)
        lock = open_to_append(STATE / "advkd.lock")
        alone = try_hold(lock)
    except UserError as error:
        print(f"advkd: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"advkd: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    if not alone:
        print("advkd: another Snakemake works in this folder: wait for it, or stop it", file=sys.stderr)
        return 2
    if any((STATE / "locks").glob("*")):
        print("advkd: clearing the lock of a Snakemake that was killed", file=sys.stderr)
        status = subprocess.run([*snakemake, "--unlock", "--quiet"]).returncode
        if status:
            return status  # Snakemake has printed the reason
    # From now on the lock is shared, as with a Snakemake started by hand. The descriptor survives the exec. Snakemake
    # closes descriptors for its jobs, so a training that outlives it does not keep the lock.
    # A lock is not converted at once: another `make` may take it in between, and then shares it too.
    hold(lock, "another Snakemake starts in this folder; waiting for it", shared=True)
    os.set_inheritable(lock.fileno(), True)
    os.execv(sys.executable, [*snakemake, *logger, "--cores", "all", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
