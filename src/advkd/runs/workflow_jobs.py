"""The jobs that Snakemake would run for a target. Only Snakemake knows them: it remembers inputs, settings and times.

`advkd plan` starts a dry run. workflow/rules/graph.smk writes the jobs of its graph into the file that this module
names in the environment.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advkd.errors import UserError
from advkd.files import read_json

FILE = "ADVKD_PLANNED_JOBS"  # the variable of the environment that names the file
ERROR = re.compile(r"^\w*(?:Error|Exception)\b.*:$", re.MULTILINE)  # the line above what Snakemake says of an error


@dataclass(frozen=True)
class Jobs:
    """The jobs of a dry run.

    Attributes:
        counts: how many jobs of each rule; targets, which run nothing, are left out.
        trained: the names of the runs that are trained.
    """

    counts: dict[str, int]
    trained: frozenset[str]


@contextlib.contextmanager
def asking(target: str, words: Sequence[str]) -> Iterator[Callable[[], Jobs]]:
    """Start to ask for the jobs that Snakemake would run for a target; the function that is given waits for them.

    Args:
        target: a target of the workflow.
        words: the words of --config, as they were typed.

    Raises:
        UserError: Snakemake refuses the target; the message is Snakemake's own. The function raises it.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "jobs.json")
        configuration = ["--config", *words] if words else []
        command = [sys.executable, "-m", "snakemake", target, "--cores", "1", "-n", "--quiet", "all", *configuration]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {FILE: str(file)}
        )

        def answer() -> Jobs:
            printed, complained = process.communicate()
            if process.returncode or not file.exists():
                raise UserError(f"snakemake -n {target} ends with an error: {_reason(printed, complained)}")
            jobs = read_json(file)
            counts = Counter(job["rule"] for job in jobs)
            return Jobs(dict(counts), frozenset(job["run"] for job in jobs if job["rule"] == "train"))

        try:
            yield answer
        finally:
            process.kill()
            process.communicate()


def _reason(printed: str, complained: str) -> str:
    """Return in one line what a dry run printed of its error, or the last line of what Python or the parser said."""
    return error_in_one_line(printed if ERROR.search(printed) else "".join(complained.splitlines()[-1:]))


def error_in_one_line(printed: str) -> str:
    """Return what Snakemake says of an error, without the kind of error and the places in its files."""
    *_, error = ERROR.split(printed)
    lines = [line.strip() for line in error.splitlines()]
    return " ".join(line for line in lines if line and not line.startswith("File ")) or "it prints no reason"
