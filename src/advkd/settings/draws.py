"""Which draw of a data set's training crops the seeds of a run group see, where they take turns with several.

`subset=3` names one draw for all seeds of a group. `subset=1to5` names five, and the seeds take turns: seed k sees draw
1 + k mod 5. So the spread over such a group's seeds is that of the draws too.
"""

import re

from advkd.settings.names import Run

KEY = "subset"
TURNS = re.compile(r"(0|[1-9][0-9]{0,3})to([1-9][0-9]{0,3})")


def draws_of(run: Run) -> range:
    """Return the draws that the seeds of a run's group take turns with; empty where its name says of no turns."""
    match = TURNS.fullmatch(dict(run.variant).get(KEY, ""))
    if match is None:
        return range(0)
    return range(int(match[1]), int(match[2]) + 1)


def draw_of(run: Run) -> int | None:
    """Return the draw that a run sees in its turn; None where its name says of no turns."""
    draws = draws_of(run)
    return draws[run.seed % len(draws)] if draws else None
