# The package, the validated configuration and the catalogue of runs. Nothing here knows a rule.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# In a checkout the package lies beside the workflow and need not be installed. Elsewhere it is.
BESIDE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1] / "src"
if (BESIDE / "advkd").is_dir():
    sys.path.insert(0, str(BESIDE))

from advkd import places
from advkd.errors import UserError
from advkd.files import read_yaml
from advkd.settings import catalog, config as settings, config_files, words

BASE = read_yaml(places.find(Path("config/config.yaml")))
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

TARGETS = catalog.targets()
STORES = catalog.stores(RUNS.values())


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
