"""The workflow: a folder to work in, and its start."""

import argparse
from pathlib import Path

from advkd.cli.command import Group, argument

WORK = Group("Work", "from the archives of the data to tables, figures and the report")


@WORK.command(
    "init",
    "a project: a folder to work in, where the package is installed and not checked out",
    "Its Snakefile imports the workflow of the package. Its config/config.yaml has every setting, with comments."
    " Nothing is overwritten.",
    example="advkd init bridges",
    arguments=[argument("folder", nargs="?", type=Path, default=Path(), help="folder to make (default: this one)")],
    needs="nothing",
)
def init(args: argparse.Namespace) -> None:
    """Make a project."""
    from advkd.new_project import make_project
    from advkd.progress import say

    made = make_project(args.folder)
    first = "" if args.folder == Path() else f"cd {args.folder}; "
    say(f"{len(made)} files -> {args.folder.absolute()}; start with: {first}advkd run table1")


@WORK.command(
    "run",
    "a table, a figure or any other target, made by the workflow from whatever is missing",
    "Starts Snakemake on all cores, after clearing the lock that a killed one left behind. Every word is Snakemake's:"
    " --cores 2, --dry-run, --workflow-profile profiles/slurm.",
    example="advkd run okd_table1 aikd_figure7 --config scale=reduced mirror=/archives",
    arguments=[
        argument(
            "words", nargs="*", metavar="target_or_option", help="targets (default: table1), then Snakemake's options"
        )
    ],
    needs="nothing",
    passes_on=True,
)
def run(args: argparse.Namespace) -> int:
    """Start the workflow."""
    from advkd.start import main

    return main(args.words)
