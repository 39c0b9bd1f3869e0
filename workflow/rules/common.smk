# What all rules share: the validated configuration, the catalogue, and how a rule calls the command line.
import fcntl
import hashlib
import json
import re
import shlex
import signal
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

SOURCE = Path(workflow.basedir) / "src"
sys.path.insert(0, str(SOURCE))

from advkd.errors import UserError
from advkd.runs import device as devices
from advkd.runs.provenance import code_hash
from advkd.settings import catalog, config as settings
from advkd.settings.names import RUN as RUN_NAME

with open("config/config.yaml") as file:
    BASE = yaml.safe_load(file)
CHANGED = {key: value for key, value in config.items() if value != BASE.get(key)}

try:
    USER = settings.user(CHANGED)
    RUNS = catalog.all_runs(USER)
except UserError as error:
    raise WorkflowError(str(error)) from None

# While a Snakemake works here it shares this lock, which its end releases, however it ends: `make` clears the lock
# that a killed Snakemake left behind only when nobody shares this one (src/advkd/start.py).
if workflow.is_main_process and not {"-n", "--dry-run", "--dryrun", "--lint", "--unlock"} & set(sys.argv):
    Path(".snakemake").mkdir(exist_ok=True)
    ALIVE = open(".snakemake/advkd.lock", "w")
    fcntl.flock(ALIVE, fcntl.LOCK_SH)  # at most as long as a `make` takes to clear a lock

# The warning that a scheduler sends before a time limit is for the training, whose handler replaces this.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)

DEVICE = devices.expected(USER.device)
THREADS = settings.scale_file(USER.scale)["threads"]
DATA = USER.data_root
RESULTS = f"results/{USER.scale}"
RUN = f"{RESULTS}/runs/{{run}}"
TABLE = f"{RESULTS}/tables/{{table}}.csv"
ARCHIVE = f"{DATA}/archives/{{dataset}}.json"
MADE = f"{DATA}/made/{{dataset}}-{{size}}.json"
STORE = f"{DATA}/stores/{{store}}/meta.json"
WEIGHTS = f"{DATA}/weights/inception.pth"
STORES = {one.store: one for one in RUNS.values()}
REALS = f"{DATA}/features/{{store}}/{{features}}/meta.json"
FIGURE = f"figures/{USER.scale}/{{figure}}.pdf"
PAGE = f"{RESULTS}/report.html"
PDF = "paper/report.pdf"
TARGETS = catalog.targets()


wildcard_constraints:
    run=re.sub(r"\(\?P<\w+>|\((?!\?)", "(?:", RUN_NAME.pattern),
    store="[a-z0-9_]+-[0-9a-f]{8}",
    dataset="[a-z0-9_]+",
    features="inception[0-9]+-[a-z]+",
    table="[a-z]+_tableS?[0-9]+",
    figure="[a-z]+_figureS?[0-9]+",


def options():
    """What the user changed against config/config.yaml, as the command line takes it."""
    pairs = " ".join(shlex.quote(f"{key}={json.dumps(value, ensure_ascii=False)}") for key, value in CHANGED.items())
    return f"--config {pairs}" if pairs else ""


# Each `shell:` line is the command that a user would type. The prefix is not compared between runs of the workflow, so
# neither the checkout's place nor the device a run happens to use makes finished work stale. It is formatted, hence
# the doubled braces. The command replaces the shell, which a scheduler's SIGTERM would end before the checkpoint is
# written.
ADVKD = f"PYTHONPATH={shlex.quote(str(SOURCE))} exec {shlex.quote(sys.executable)} -m advkd"
BODY = f'ADVKD_PROGRESS=plain {ADVKD} "$@" {options()};'.replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; advkd() {{{{ {BODY} }}}}; ")


def config_of(run):
    """A run's resolved settings; the one-line reason where its name is wrong."""
    try:
        return settings.resolve(str(run), USER)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def evidence(resolved):
    """What tables and figures need of a run: a GAN's metrics, made by a job; a classifier's result, whose predictions
    they read themselves."""
    name = "metrics.json" if resolved.loop == "gan" else "result.json"
    return f"{RUN}/{name}".format(run=resolved.run)


def parents(wildcards):
    """The results of the runs that a run learns from."""
    return [f"{RUN}/result.json".format(run=one.run) for one in config_of(wildcards.run).parents.values()]


def store_source(wildcards):
    """What a store is prepared from: nothing but a folder, or the record of a made or a verified archive."""
    one = STORES[wildcards.store]
    made_key = settings.PAPERS[one.run.paper].made_key
    if one.settings["data"] == "made":
        return MADE.format(dataset=one.run.dataset, size=one.settings[made_key])
    if one.settings["data"] == "folder":
        return []
    return ARCHIVE.format(dataset=one.run.dataset)


def store_folder(wildcards):
    """The user's folder of images, where a store is prepared from one; empty otherwise."""
    wanted = STORES[wildcards.store].settings
    return USER.folders[wanted["dataset"]] if wanted["data"] == "folder" else ""


def folder_state(wildcards):
    """A digest of the names, sizes and times of the images in the user's folder; None without one."""
    if not (folder := store_folder(wildcards)):
        return None
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    lines = [f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def recorded_code(wildcards):
    """The code that a run was made by; with retrain=stale, or for a new run, the code of today."""
    try:
        with open(f"{RUN}/provenance.json".format(run=wildcards.run)) as file:
            recorded = json.load(file)
        same = recorded["result"]["config_hash"] == config_of(wildcards.run).hash
    except (OSError, ValueError, KeyError):
        return code_hash()
    return recorded["code"] if same and USER.retrain != "stale" else code_hash()


def weights(features):
    """The verified weights of a feature network, where it has official ones."""
    return WEIGHTS if features.endswith("-official") else []


def weights_option(wildcards, input):
    """The option that names the verified weights, where there are any."""
    return f"--weights {shlex.quote(input.weights)}" if input.weights else ""
