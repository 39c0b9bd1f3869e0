# The lock that every Snakemake of this folder shares, and a signal that only trainings understand.
import signal

from advkd.locks import hold
from advkd.opening import open_to_append

# The kernel releases the lock when the process ends, however it ends. So `make` and `advkd run` clear the lock that a
# killed Snakemake left behind only if nobody shares this one (src/advkd/start.py).
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
