"""What a person sees of a workflow, as a logger plugin of Snakemake: `snakemake --logger advkd okd_table1`.

Snakemake finds it by the name of this package, wherever advkd is installed. `advkd.terminal` is what it does.
"""

from advkd.terminal.handler import LogHandler

__all__ = ["LogHandler"]
