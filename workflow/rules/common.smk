# What all rules share: the validated configuration, the catalogue, and how a rule calls the command line.
import json
import re
import shlex
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

SOURCE = Path(workflow.basedir) / "src"
sys.path.insert(0, str(SOURCE))

from advkd import catalog, config as settings
from advkd.errors import UserError
from advkd.training.provenance import code_hash

try:
    USER = settings.user(config)
    RUNS = catalog.all_runs(USER)
except UserError as error:
    raise WorkflowError(str(error)) from None

DEVICE = settings.device(USER)
THREADS = settings.scale_file(USER.scale)["threads"]
DATA = USER.data_root
RESULTS = f"results/{USER.scale}"
RUN = f"{RESULTS}/runs/{{run}}"
TABLE = f"{RESULTS}/tables/{{table}}.csv"
ARCHIVE = f"{DATA}/archives/{{dataset}}.json"
MADE = f"{DATA}/made/{{dataset}}-{{photos}}.zip"
STORE = f"{DATA}/stores/{{store}}/meta.json"
WEIGHTS = f"{DATA}/weights/pt_inception-2015-12-05-6726825d.pth"
STORES = {one.store: one.store_settings for one in RUNS.values()}
REALS = f"{DATA}/features/{{store}}/{{features}}/meta.json"
FIGURE = f"figures/{USER.scale}/{{figure}}.pdf"
FIGURES = catalog.figures(USER)


wildcard_constraints:
    run=re.sub(r"\(\?P<\w+>|\((?!\?)", "(?:", settings.RUN.pattern),
    store="[a-z0-9_]+-[0-9a-f]{8}",
    dataset="[a-z0-9_]+",
    features="inception[0-9]+-[a-z]+",
    table="[a-z]+_table[0-9]+",
    figure="[a-z]+_figure[0-9]+",


def options():
    """What the user changed against config/config.yaml, as the command line takes it."""
    with open("config/config.yaml") as file:
        base = yaml.safe_load(file)
    changed = {key: value for key, value in config.items() if value != base.get(key)}
    pairs = " ".join(shlex.quote(f"{key}={json.dumps(value)}") for key, value in changed.items())
    return f"--config {pairs}" if pairs else ""


# Each `shell:` line is the command that a user would type. The prefix is not compared between runs of the workflow, so
# neither the checkout's place nor the device a run happens to use makes finished work stale. It is formatted, hence
# the doubled braces.
ADVKD = f"PYTHONPATH={shlex.quote(str(SOURCE))} {shlex.quote(sys.executable)} -m advkd"
BODY = f'ADVKD_PROGRESS=plain {ADVKD} "$@" {options()};'.replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; advkd() {{{{ {BODY} }}}}; ")


def config_of(run):
    """A run's resolved settings; the one-line reason where its name is wrong."""
    try:
        return settings.resolve(str(run), USER)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def metrics(resolved):
    """The file that holds the metrics of a run."""
    return f"{RUN}/metrics.json".format(run=resolved.run)


def store_source(wildcards):
    """What a store is prepared from: a folder, a made archive, or the record of a verified one."""
    wanted = STORES[wildcards.store]
    if wanted["data"] == "made":
        return MADE.format(dataset=wanted["dataset"], photos=wanted["made_photos"])
    if wanted["data"] == "folder":
        return []
    return ARCHIVE.format(dataset=wanted["dataset"])


def store_folder(wildcards):
    """The user's folder of images, where a store is prepared from one; empty otherwise."""
    wanted = STORES[wildcards.store]
    return USER.folders[wanted["dataset"]] if wanted["data"] == "folder" else ""


def recorded_code(wildcards):
    """The code that a run was made by; with retrain=stale, or for a new run, the code of today."""
    try:
        with open(f"{RUN}/provenance.json".format(run=wildcards.run)) as file:
            recorded = json.load(file)["code"]
    except (OSError, ValueError, KeyError):
        return code_hash()
    return code_hash() if USER.retrain == "stale" else recorded


def weights(resolved):
    """The verified weights of the feature network, where it has official ones."""
    return WEIGHTS if resolved.settings["inception"] == "official" else []


def weights_of_reals(wildcards):
    return WEIGHTS if wildcards.features.endswith("-official") else []


def table_inputs(wildcards):
    """The metrics of every run of a table, and the stores that its data statistics are counted in."""
    return [metrics(run) for run in catalog.runs(wildcards.table, USER).values()] + catalog.counted_stores(
        wildcards.table, USER
    )
