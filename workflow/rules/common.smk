# Shared by all rules: the validated configuration, the catalogue, and how a rule calls the command line.
import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path

from snakemake.exceptions import InputFunctionException, WorkflowError

SOURCE = Path(workflow.basedir) / "src"
sys.path.insert(0, str(SOURCE))

from advkd.errors import UserError
from advkd.files import read_yaml, write_json
from advkd.locks import hold
from advkd.opening import open_to_append
from advkd.runs import device as devices, stores, workflow_jobs
from advkd.runs.folder import METRICS, RESULT, RunFolder
from advkd.runs.lookup import state_of, trained_by_older_code
from advkd.runs.state import Kind
from advkd.settings import catalog, config as settings, config_files, words
from advkd.settings.feature_networks import NETWORKS
from advkd.settings.names import RUN as RUN_NAME

BASE = read_yaml(Path("config/config.yaml"))
# Snakemake has read the words of --config as numbers where they look like some; `advkd` reads them as they were typed.
try:
    WORDS = words.read_words(workflow.config_settings.config_args or [])
    CHANGED = {key: value for key, value in config.items() if value != BASE.get(key) or key in WORDS}
    CHANGED = words.merge(CHANGED, WORDS)
    USER = settings.user(CHANGED)
    WAVES = catalog.evidence_waves(USER)
    RUNS = catalog.all_runs(USER)
    for wave in WAVES.values():  # its seeds are the plan's, at every scale
        RUNS |= catalog.with_parents(wave)
    NOT_BUILT = catalog.not_built(USER)
except UserError as error:
    raise WorkflowError(str(error)) from None

# These runs stop only what cannot do without them. Tables and figures say why they lack them.
if NOT_BUILT and workflow.is_main_process:
    first, reason = next(iter(NOT_BUILT.items()))
    print(
        f"{len(NOT_BUILT)} runs cannot be built (advkd status lists them), such as {first}: {reason}", file=sys.stderr
    )

# Every Snakemake that works here shares this lock. The kernel releases it when the process ends, however it ends. So
# `make` clears the lock that a killed Snakemake left behind only if nobody shares this one (src/advkd/start.py).
if workflow.is_main_process and not {"-n", "--dry-run", "--dryrun", "--lint", "--unlock"} & set(sys.argv):
    try:
        Path(".snakemake").mkdir(exist_ok=True)
        ALIVE = open_to_append(Path(".snakemake/advkd.lock"))
        hold(ALIVE, "waiting for a `make` that clears the lock of a Snakemake that was killed", shared=True)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(f"{error.filename} cannot be written: {error.strerror}") from None

# A scheduler sends SIGUSR1 before a time limit. Snakemake ignores it; the training's own handler replaces this one.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)

DEVICE = devices.expected(USER.device)
THREADS = config_files.scale_file(USER.scale).threads
DATA = USER.data_root
RESULTS = f"results/{USER.scale}"
RUN = RunFolder.of("{run}", USER.scale).path
TABLE = f"{RESULTS}/tables/{{table}}.csv"
ARCHIVE = f"{DATA}/archives/{{dataset}}.json"
MADE = f"{DATA}/made/{{dataset}}-{{size}}.json"
STORE = f"{DATA}/stores/{{store}}/meta.json"
WEIGHTS = f"{DATA}/weights/inception.pth"
STORES = {resolved.store: resolved for resolved in RUNS.values()}
REALS = f"{DATA}/features/{{store}}/{{features}}/meta.json"
FIGURE = f"figures/{USER.scale}/{{figure}}.pdf"
PAGE = f"{RESULTS}/report.html"
PDF = "paper/report.pdf"
TARGETS = catalog.targets()


wildcard_constraints:
    run=re.sub(r"\(\?P<\w+>|\((?!\?)", "(?:", RUN_NAME.pattern),
    store="[a-z0-9_]+-[0-9a-f]{8}",
    dataset="[a-z0-9_]+",
    features="|".join(NETWORKS),
    table="[a-z]+_tableS?[0-9]+",
    figure="[a-z]+_figureS?[0-9]+",


def options():
    """Return the settings that differ from config/config.yaml as command-line options."""
    pairs = " ".join(shlex.quote(f"{key}={json.dumps(value, ensure_ascii=False)}") for key, value in CHANGED.items())
    return f"--config {pairs}" if pairs else ""


# Each `shell:` line is the command that a user would type. The prefix below adds what belongs to this machine. It is not
# compared between starts, so neither another place of the checkout nor another device makes finished work stale. It is
# formatted, hence the doubled braces. `exec` replaces the shell by the command, because a scheduler's SIGTERM would end
# the shell before the training has written its checkpoint. Where a server of jobs is named, its client comes before the
# command and has it run there (jobs.smk).
CLIENT = f"{shlex.join([sys.executable, '-IS', str(SOURCE / 'advkd/jobs/client.py')])} \"$ADVKD_JOBS\""
ADVKD = f"PYTHONPATH={shlex.quote(str(SOURCE))} exec ${{ADVKD_JOBS:+{CLIENT}}} {shlex.quote(sys.executable)} -m advkd"
BODY = f'ADVKD_PROGRESS=plain {ADVKD} "$@" {options()};'.replace("{", "{{").replace("}", "}}")
shell.prefix(f"set -euo pipefail; advkd() {{{{ {BODY} }}}}; ")


REFUSED = []  # what `in_one_line` said


def in_one_line(ask, *arguments):
    """Return what a question about the settings answers; its UserError ends the workflow with one line."""
    try:
        return ask(*arguments)
    except UserError as error:
        REFUSED.append(str(error))
        raise WorkflowError(REFUSED[-1]) from None


def config_of(run):
    """Return a run's resolved settings; a wrong name ends the workflow with one line."""
    return in_one_line(settings.resolve, str(run), USER)


def evidence_of(artifact):
    """Return the files that a table or figure needs of its runs."""
    return [evidence(run) for run in in_one_line(catalog.runs, artifact, USER).values()]


def counted_stores(table):
    """Return the stores that a table counts."""
    counted = in_one_line(catalog.counted_stores, table, USER)
    return [STORE.format(store=resolved.store) for resolved in counted.values()]


def evidence(resolved):
    """Return the file of a run that tables and figures need.

    A GAN's metrics are made by a job of their own. A classifier's are computed from its predictions by the table or
    figure that first needs them, so its result is enough.
    """
    name = RESULT if resolved.leaves_predictions else METRICS
    return f"{RUN}/{name}".format(run=resolved.run)


def parents(wildcards):
    """Return the results of the runs that a run learns from."""
    results = [f"{RUN}/{RESULT}".format(run=resolved.run) for resolved in config_of(wildcards.run).parents.values()]
    return unless_kept(wildcards.run, *results)


def reals_of(wildcards):
    """Return the features of real crops with which a GAN's samples are compared."""
    resolved = config_of(wildcards.run)
    return unless_kept(wildcards.run, REALS.format(store=resolved.store, features=resolved.features))


def unless_kept(run, *files):
    """Return input files of a run, none if the run was kept without its weights (`advkd keep`).

    What was kept is not made again because its data are prepared, or a parent is trained, after it was copied here.
    """
    return [] if stays_kept(config_of(run)) else list(files)


def stays_kept(resolved):
    """Tell whether a run was kept without its weights, and is not to be trained again."""
    if state_of(resolved).kind is not Kind.KEPT:
        return False
    return USER.retrain != "stale" or not trained_by_older_code(resolved)


def store_source(wildcards):
    """Return the record of the drawn or verified archive that a store is prepared from; nothing for a user's folder."""
    resolved = STORES[wildcards.store]
    if resolved.settings["data"] == "made":
        return MADE.format(dataset=resolved.run.dataset, size=resolved.drawn)
    if resolved.settings["data"] == "folder":
        return []
    return ARCHIVE.format(dataset=resolved.run.dataset)


def store_folder(wildcards):
    """Return the user's folder of images that a store is prepared from, or an empty text."""
    wanted = STORES[wildcards.store].settings
    return USER.folders[wanted["dataset"]] if wanted["data"] == "folder" else ""


def outdated():
    """Yield the files that must be made again, by what they say themselves: Snakemake's records may be missing.

    These are stores of other images, results of other settings and evaluations on other features; with retrain=stale
    also what older code drew, prepared, trained or evaluated.
    """
    for name, resolved in STORES.items():
        older = USER.retrain == "stale" and stores.made_by_older_code(resolved, USER)
        if older or stores.outdated(resolved, USER):
            yield STORE.format(store=name)
        if older and resolved.settings["data"] == "made":
            yield MADE.format(dataset=resolved.run.dataset, size=resolved.drawn)
    for resolved in RUNS.values():
        kind = state_of(resolved).kind
        if kind is Kind.STALE or (kind is Kind.OLDER_CODE and USER.retrain == "stale"):
            yield f"{RUN}/{RESULT}".format(run=resolved.run)
        if kind is Kind.KEPT and not stays_kept(resolved):
            yield f"{RUN}/{RESULT}".format(run=resolved.run)
        if kind is Kind.OLDER_EVALUATION and USER.retrain == "stale":
            yield f"{RUN}/{METRICS}".format(run=resolved.run)
            yield REALS.format(store=resolved.store, features=resolved.features)
        if kind is Kind.OTHER_FEATURES:
            yield f"{RUN}/{METRICS}".format(run=resolved.run)
            if USER.retrain == "stale" and trained_by_older_code(resolved):
                yield f"{RUN}/{RESULT}".format(run=resolved.run)


def on_disk(step, *arguments, **options):
    """Do a step of Snakemake's that uses files; what the disk refuses ends the workflow with one line."""
    try:
        step(*arguments, **options)
    except OSError as error:
        place = os.path.relpath(error.filename) if error.filename else "this checkout"
        advice = ""
        if place.startswith(".snakemake"):
            advice = "; Snakemake writes there also in a dry run, so start it in a checkout that you can write"
        raise WorkflowError(f"{place}: {error.strerror}{advice}") from None


# Snakemake has no setting for this. It makes the forced files that its targets need again, and no others.
def prepare_graph(*arguments, prepare=workflow._prepare_dag, **options):
    """Prepare Snakemake's graph of jobs, with the outdated files among what is made again."""
    on_disk(prepare, *arguments, **options)
    workflow._dag.forcefiles.update(outdated())


# Snakemake puts a traceback behind the line of `in_one_line`.
def build_graph(build=workflow._build_dag):
    """Build Snakemake's graph of jobs; a run that a target cannot do without ends it with one line."""
    try:
        on_disk(build)
    except InputFunctionException:
        if not REFUSED:
            raise
        raise WorkflowError(REFUSED[-1]) from None
    if workflow_jobs.FILE in os.environ:
        needed = [job for job in workflow.dag.needrun_jobs() if job.output]
        about = [{"rule": job.rule.name, **dict(job.wildcards_dict)} for job in needed]
        write_json(Path(os.environ[workflow_jobs.FILE]), about)


if workflow.is_main_process:
    workflow._prepare_dag = prepare_graph
    workflow._build_dag = build_graph


def weights(features):
    """Return the fetched weights of a feature network; nothing where they are random, or a package brings them."""
    return WEIGHTS if NETWORKS[features].fetched else []


def weights_option(wildcards, input):
    """Return the option that names the fetched weights of a feature network, if it has such."""
    return f"--weights {shlex.quote(input.weights)}" if input.weights else ""
