"""The cells of the papers' tables as a table of pandas: one cell in a row, published and ours."""

import contextlib
import os
from collections.abc import Mapping

import pandas as pd

from advkd.artifacts.table_cells import collect_rows
from advkd.artifacts.tables import tidy_frame
from advkd.settings import catalog, config
from advkd.settings.tags import tags

FIRST = [
    "table", "row", "column", "metric", "unit", "better", "published", "published_std", "ours", "sd", "n", "tag", "run",
    "status", "scale",
]  # fmt: skip
NUMBERS = ["published", "published_std", "ours", "sd", "n", "decimals"]


def cells(
    *tables: str,
    scale: str | None = None,
    folder: str | os.PathLike[str] = ".",
    settings: Mapping[str, object] | None = None,
) -> pd.DataFrame:
    """Return the cells of tables, one in a row: the published number, ours, and what ours rests on.

    Our numbers are those of the runs in `folder` whose settings, parents and data are those of today's configuration.

    Args:
        tables: names, as "aikd_table2"; a figure's cells can be named too. None: all tables.
        scale: the scale of the runs; None: that of the configuration.
        folder: the folder that the workflow runs in, which holds `results`.
        settings: laid over the configuration, as `--config` of `advkd` does: {"seeds": 3}.

    Returns:
        A frame in the order of the papers. A cell is empty where there is nothing for the column.

        - table, row, column, metric, unit, better ("lower", "higher" or empty)
        - published, published_std: as printed; empty where the paper prints none
        - ours, sd, n: mean, sample standard deviation and number of seeds
        - tag: the run group's, as in reports ("R17"); run: its name; status: "done", "not run", "1 of 3 seeds", …
        - scale; then what the CSV of the table has: values (of each seed), images_error, intervals, seeds, data, …

    Raises:
        UserError: there is no such table or scale, or a setting is impossible.
    """
    with contextlib.chdir(folder):
        user = config.user({**(settings or {}), **({"scale": scale} if scale else {})})
        rows = [row for table in tables or catalog.tables() for row in collect_rows(table, user)]
        frame = tidy_frame(rows).rename(columns={"mean": "ours", "std": "sd"})
        frame["tag"] = frame["run"].map(tags(user))
    frame = frame.reindex(columns=[*FIRST, *(name for name in frame.columns if name not in FIRST)])
    frame[NUMBERS] = frame[NUMBERS].apply(pd.to_numeric)
    return frame
