# What Snakemake has no setting for: outdated files among what is made again, faults in one line, work before the first
# job, and decisions only when there is something to decide. Three of its own methods and an attribute are replaced, and a
# few of its attributes are read. No other file does so.
import os
from functools import partial

from snakemake import __version__ as snakemake_version
from snakemake.exceptions import InputFunctionException, MissingRuleException

from advkd.files import write_json
from advkd.runs import stores, workflow_jobs
from advkd.suggestions import did_you_mean


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


def private(owner, name):
    """Return a private attribute of Snakemake's; a version that lacks it ends the workflow with one line."""
    if not hasattr(owner, name):
        raise WorkflowError(
            f"Snakemake {snakemake_version} has no {type(owner).__name__}.{name}, which workflow/rules/graph.smk uses:"
            " install the version of requirements.lock, or a version of advkd for this Snakemake"
        )
    return getattr(owner, name)


# Snakemake makes the forced files that its targets need again, and no others.
def prepare_graph(*arguments, prepare=private(workflow, "_prepare_dag"), **options):
    """Prepare Snakemake's graph of jobs, with the outdated files among what is made again."""
    on_disk(prepare, *arguments, **options)
    private(private(workflow, "_dag"), "forcefiles").update(outdated())


# Snakemake puts a traceback behind the line of `in_one_line`.
def build_graph(build=private(workflow, "_build_dag")):
    """Build Snakemake's graph of jobs; a run that a target cannot do without ends it with one line."""
    try:
        on_disk(build)
    except InputFunctionException:
        if not REFUSED:
            raise
        raise WorkflowError(REFUSED[-1]) from None
    except MissingRuleException:
        for name in map(str, private(private(workflow, "_dag"), "targetfiles")):
            if "/" not in name:
                targets = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
                raise WorkflowError(f"{name!r} is no target{did_you_mean(name, targets)}") from None
        raise
    if workflow_jobs.FILE in os.environ:
        about = [{"rule": job.rule.name, **dict(job.wildcards_dict)} for job in coming_jobs() if job.output]
        write_json(Path(os.environ[workflow_jobs.FILE]), about)
    if not coming_jobs():  # otherwise it is announced when the jobs start
        announce_plan()
    workflow._onstart = partial(before_first_job, private(workflow, "_onstart"))


# Snakemake limits how many jobs start in a second, by default to 100. So a second after each decision on what to start it
# decides again, and each job that ends begins another chain of decisions. After some hundred jobs these take a core.
def decide_when_jobs_end():
    """Drop Snakemake's default limit of jobs in a second; a lower one was asked for."""
    scheduler = private(workflow, "scheduler")
    limit = private(scheduler, "job_rate_limiter")
    if limit and limit.max_jobs >= 100 * limit.timespan:
        scheduler.job_rate_limiter = None


def targets():
    """Return the jobs that were asked for: those of targets run nothing, and need what was asked for."""
    return list(private(private(workflow, "_dag"), "targetjobs"))


def log_file():
    """Return Snakemake's log file; None where it cannot be written."""
    return next(iter(private(workflow, "logger_manager").get_logfile()), None)


def coming_jobs():
    """Return the jobs that this start will run, as Snakemake has planned them."""
    return list(private(private(workflow, "_dag"), "needrun_jobs")())


# Snakemake ignores the `onstart:` of a workflow that another one imports as a module.
def before_first_job(own, log):
    """Announce the jobs, start their server, and do what a project's own `onstart:` says."""
    announce_plan()
    decide_when_jobs_end()
    start_server(coming_jobs())
    own(log)


if workflow.is_main_process:
    workflow._prepare_dag = prepare_graph
    workflow._build_dag = build_graph
