# What a person sees of the workflow, where the logger plugin of this package prints it (src/advkd/terminal).
import logging

from advkd.terminal.plan import ACTIVE, Plan, Step


def announce_plan():
    """Tell the logger plugin what is going to be made, and have the jobs print into Snakemake's log file."""
    if ACTIVE not in os.environ or not workflow.is_main_process:
        return
    steps = []
    for job in coming_jobs():
        if job.output:
            steps.append(Step(job.rule.name, all(Path(path).exists() for path in job.output)))
    log = log_file()
    if log:
        os.environ[PRINTED] = log
    plan = Plan(
        targets=[job.rule.name if job.is_norun else str(job.output[0]) for job in targets()],
        scale=USER.scale,
        products=[Path(path) for job in targets() for path in (job.input if job.is_norun else job.output[:1])],
        steps=steps,
        log=Path(os.path.relpath(log)) if log else None,
    )
    logging.getLogger("snakemake.logging").info("\n".join(plan.lines()), extra={"plan": plan})


# Jobs on other machines print where their scheduler wants it.
if not workflow.is_main_process:
    os.environ.pop(PRINTED, None)
