# The inputs of jobs, and the options that name them.
from advkd.runs.lookup import state_of, trained_by_older_code
from advkd.runs.state import Kind


def run_file(resolved):
    """Return the file of a run that tables and figures need.

    A GAN's metrics are made by a job of their own. A classifier's are computed from its predictions by the table or
    figure that first needs them, so its result is enough.
    """
    name = RESULT if resolved.leaves_predictions else METRICS
    return f"{RUN}/{name}".format(run=resolved.run)


def run_files(artifact):
    """Return the files that a table or figure needs of its runs."""
    return [run_file(run) for run in in_one_line(catalog.runs, artifact, USER).values()]


def counted_stores(table):
    """Return the stores that a table counts."""
    counted = in_one_line(catalog.counted_stores, table, USER)
    return [STORE.format(store=resolved.store) for resolved in counted.values()]


def store_file(wildcards):
    """Return the file of the data set that a run is trained on."""
    return STORE.format(store=config_of(wildcards.run).store)


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
    resolved = STORES[wildcards.prepared]
    if resolved.settings["data"] == "made":
        return MADE.format(dataset=resolved.run.dataset, size=resolved.drawn)
    if resolved.settings["data"] == "folder":
        return []
    return ARCHIVE.format(dataset=resolved.run.dataset)


def store_folder(wildcards):
    """Return the user's folder of images that a store is prepared from, or an empty text."""
    wanted = STORES[wildcards.prepared].settings
    return USER.folders[wanted["dataset"]] if wanted["data"] == "folder" else ""


def generators(wildcards):
    """Return the results of the runs whose images are in a store that is made of another one."""
    resolved = STORES[f"{wildcards.prepared}-{wildcards.derived}"]
    return [f"{RUN}/{RESULT}".format(run=gan.run) for gan in resolved.generators.values()]


def weights(features):
    """Return the fetched weights of a feature network; nothing where they are random, or a package brings them."""
    return WEIGHTS if NETWORKS[features].fetched else []


def weights_option(wildcards, input):
    """Return the option that names the fetched weights of a feature network, if it has such."""
    return f"--weights {shlex.quote(input.weights)}" if input.weights else ""
