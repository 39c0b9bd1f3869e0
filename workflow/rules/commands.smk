# How the command line is called. Each line behind `shell` is the command that a user would type.
import json
import shlex

from advkd.runs import device as devices
from advkd.terminal.plan import PRINTED

DEVICE = devices.expected(USER.device)
THREADS = config_files.scale_file(USER.scale).threads
# Goes before what is in PYTHONPATH, where a method from outside may lie. The folder of an installed package holds others,
# which may hide Python's own modules.
SOURCE = places.PACKAGE.parent if places.IN_CHECKOUT else None


def options():
    """Return the settings that differ from config/config.yaml as command-line options."""
    pairs = " ".join(shlex.quote(f"{key}={json.dumps(value, ensure_ascii=False)}") for key, value in CHANGED.items())
    return f"--config {pairs}" if pairs else ""


# The prefix below adds what belongs to this machine. It is not compared between starts, so neither another place of the
# checkout nor another device makes finished work stale. It is formatted, hence the doubled braces. `exec` replaces the
# shell by the command, because a scheduler's SIGTERM would end the shell before the training has written its checkpoint.
# Where a server of jobs is named, its client comes before the command and has it run there (jobs.smk).
CLIENT = f"{shlex.join([sys.executable, '-IS', str(places.PACKAGE / 'jobs/client.py')])} \"$ADVKD_JOBS\""
ADVKD = f"exec ${{ADVKD_JOBS:+{CLIENT}}} {shlex.quote(sys.executable)} -m advkd"
if SOURCE:
    ADVKD = f"PYTHONPATH={shlex.quote(str(SOURCE))}${{PYTHONPATH:+:$PYTHONPATH}} {ADVKD}"
OUTPUT = f'[ -z "${{{PRINTED}:-}}" ] || exec >> "${PRINTED}" 2>&1;'  # where the terminal shows no lines of jobs
BODY = f'{OUTPUT} ADVKD_PROGRESS=plain {ADVKD} "$@" {options()};'.replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; advkd() {{{{ {BODY} }}}}; ")
