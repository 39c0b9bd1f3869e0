# Jobs of this machine are forked from one process that has imported what they need (src/advkd/jobs/__init__.py). Jobs of
# a cluster or in a container are not: there the process would be another machine's, or outside of the container.
from advkd.jobs import launch


def coming_features(jobs):
    """Return the feature networks of the coming evaluations."""
    names = [job.wildcards.run for job in jobs if job.rule.name == "evaluate"]
    return [job.wildcards.features for job in jobs if job.rule.name == "reals"] + [
        config_of(name).features for name in names
    ]


def start_server(jobs):
    """Start the server for the coming jobs, where they run as processes of this machine (graph.smk calls this)."""
    if workflow.local_exec and not workflow.touch and not workflow.deployment_settings.deployment_method:
        coming = [job for job in jobs if not job.is_norun]
        launch.start([job.rule.name for job in coming], coming_features(coming), SOURCE)
