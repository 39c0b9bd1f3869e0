"""Products: what is made from finished runs, beside the tables and figures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from advkd.cli.command import Group, argument, output_file, output_folder

if TYPE_CHECKING:
    from advkd.settings.user import User

MAKE = Group("Make", "products of finished runs; trains nothing")
NAMES = argument(
    "names", nargs="*", metavar="target_or_run", help="of which runs; without any, of every run that exists"
)


@MAKE.command(
    "report",
    "all results of a scale, as one HTML page and as a PDF",
    "The page is results/SCALE/report.html, the PDF paper/report.pdf. The PDF needs TeX.",
    example="advkd report --scale small",
    arguments=[
        argument("--scale", help="short for --config scale=…"),
        output_file("--html", "write only the page, to this file"),
        output_file("--pdf", "write only the PDF, to this file"),
    ],
)
def report(args: argparse.Namespace, user: "User") -> None:
    """Write the report as a page, as a PDF, or both."""
    from advkd.report import content, document, page
    from advkd.settings import config, words

    if args.scale:
        user = config.user({**words.read_words(args.config), "scale": args.scale})
    both = not (args.html or args.pdf)
    results = content.gather_content(user)
    if both or args.html:
        page.write(results, user, args.html or Path("results", user.scale, "report.html"))
    if both or args.pdf:
        document.write(results, user, args.pdf or Path("paper/report.pdf"))


@MAKE.command(
    "tensorboard",
    "histories, metrics and samples of runs for TensorBoard",
    "Event files, one folder for each run. The exit status is 1 if something of a run was left out.",
    example="advkd tensorboard okd_table1 --out boards",
    arguments=[NAMES, output_folder("--out", "folder for `tensorboard --logdir`")],
)
def tensorboard(args: argparse.Namespace, user: "User") -> int:
    """Write event files for TensorBoard; return 1 if something of a run was left out."""
    from advkd.report import tensorboard

    return 1 if tensorboard.write(args.names, user, args.out) else 0


@MAKE.command(
    "keep",
    "a copy of what is small of finished runs, so that tests can be repeated without weights",
    "Settings, histories, metrics, provenance, and every answer of a classifier.",
    example="advkd keep evidence --out kept --config scale=small",
    arguments=[NAMES, output_folder("--out", "folder below which results/SCALE/runs is copied")],
)
def keep(args: argparse.Namespace, user: "User") -> None:
    """Copy the small files of finished runs."""
    from advkd.progress import say
    from advkd.runs.keep import keep
    from advkd.settings import catalog

    named = catalog.with_parents(catalog.selected(args.names, user))
    kept = keep(list(named.values()), args.out)
    say(f"{kept} finished runs of scale {user.scale} -> {args.out}")


@MAKE.command(
    "migrate",
    "an earlier version's finished runs and data sets, carried over to this one",
    "Runs whose settings are equal are stamped anew, as provenance says; the others are listed. Nothing is deleted.",
    example="advkd migrate --all",
    arguments=[argument("--all", action="store_true", help="the runs of all scales")],
)
def migrate(args: argparse.Namespace, user: "User") -> None:
    """Carry runs and stores over to this version, and print what was done and what cannot be carried over."""
    from advkd.runs import migration
    from advkd.settings import config, config_files, words

    print("\n".join(migration.migrate_stores(Path(user.data_root)).lines("data sets")))
    for scale in config_files.scale_names() if args.all else [user.scale]:
        of_scale = config.user({**words.read_words(args.config), "scale": scale})
        print("\n".join(migration.migrate_runs(of_scale).lines(f"runs at scale {scale}")))
