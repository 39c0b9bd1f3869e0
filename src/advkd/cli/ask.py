"""Questions: they train nothing, and most of them only print."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from advkd.cli.command import RUN_NAME, Group, argument, output_file
from advkd.errors import UserError

if TYPE_CHECKING:
    from advkd.settings.user import User

ASK = Group("Ask", "what there is, what it costs, and what came out; trains nothing")
OUT = output_file("--out", "write it to this file instead of printing it")


@ASK.command(
    "status",
    "what exists, runs or failed, and what changed since it was made",
    "Each table with how many of its numbers are there, each data set that is outdated, and the runs that need a look.",
    example="advkd status --config scale=small",
    arguments=[argument("--all", action="store_true", help="list the runs that are done or not started too")],
)
def status(args: argparse.Namespace, user: "User") -> None:
    """Print what exists at a scale."""
    from advkd.report import status

    print(status.report(user, args.all))


@ASK.command(
    "doctor",
    "whether this machine has what the scale needs: devices, space, data, weights, TeX",
    "One line for each thing, with what to do where it is missing. With --folder, one pass over a folder of images"
    " instead: classes, sizes, broken files, images that are there twice, and what a training will make of it. The exit"
    " status is 1 if something is wrong.",
    example="advkd doctor --folder /my/defects",
    arguments=[
        argument("--folder", type=Path, metavar="DIR", help="a folder of images, as in docs/your-own-images.md")
    ],
    needs="papers",
)
def doctor(args: argparse.Namespace, user: "User") -> int:
    """Print what the machine, or a folder of images, has and lacks; return 1 if something is wrong."""
    if args.folder is not None:
        from advkd import folder_doctor

        text, ready = folder_doctor.report(args.folder, user)
    else:
        from advkd import doctor

        text, ready = doctor.report(user)
    print(text)
    return 0 if ready else 1


@ASK.command(
    "plan",
    "the runs that a target still needs, and how long they take",
    example="advkd plan gip_table2 --jobs 2 --config scale=reduced",
    arguments=[
        argument("target", help="a table, a figure, table1, main, pretrain, paper, all, …"),
        argument("--jobs", type=int, default=1, metavar="N", help="trainings side by side, for the total time"),
    ],
)
def plan(args: argparse.Namespace, user: "User") -> None:
    """Print the runs that a target still needs."""
    from advkd.report import plan

    if args.jobs < 1:
        raise UserError(f"--jobs is {args.jobs}: ask for at least 1")
    print(plan.report(args.target, user, args.jobs, args.config))


@ASK.command(
    "claims",
    "whether the papers' claims hold, on their own numbers and on ours",
    "Each claim with its verdict and the numbers behind it.",
    example="advkd claims --config scale=small",
    arguments=[OUT],
    needs="papers",
)
def claims(args: argparse.Namespace, user: "User") -> None:
    """Print or write the verdicts on the papers' claims."""
    from advkd.claims.markdown import claims_page

    _print_or_write(claims_page(user), args.out)


@ASK.command(
    "evidence",
    "what the tests say that were fixed beforehand, from finished runs",
    "Each test of a plan with its decision (holds, fails, open), effect and interval.",
    example="advkd evidence --config scale=small",
    arguments=[
        argument(
            "--plan",
            type=Path,
            default=Path("paper/evidence.yaml"),
            metavar="FILE",
            help="the plan: paper/evidence.yaml (the default), or paper/usefulness.yaml",
        ),
        OUT,
    ],
)
def evidence(args: argparse.Namespace, user: "User") -> None:
    """Print or write the decisions on the tests that were fixed beforehand."""
    from advkd.claims.evidence_markdown import evidence_page

    _print_or_write(evidence_page(user, args.plan), args.out)


@ASK.command(
    "findings",
    "what the papers' main claims come to, in plain words with numbers",
    "For each paper: what holds, fails and is open, what the controls say, and what it would cost to decide the rest.",
    example="advkd findings --config scale=small",
    arguments=[output_file("--out", "write it to this file, and the forest plots to the folder of its name")],
)
def findings(args: argparse.Namespace, user: "User") -> None:
    """Print or write what the papers' main claims come to."""
    from advkd.report.findings import write_findings

    text = write_findings(user, args.out)
    if not args.out:
        print(text, end="")


@ASK.command("audit", "where the papers' printed numbers contradict each other", example="advkd audit", needs="papers")
def audit(args: argparse.Namespace, user: "User") -> None:
    """Print the contradictions among the printed numbers."""
    from advkd.claims.audit import audit_text

    print(audit_text())


@ASK.command(
    "errors",
    "what is wrong in the papers, the most serious first",
    "Each error once, with its place in the paper and the printed numbers that show it. It needs no run.",
    example="advkd errors",
    arguments=[OUT],
)
def errors(args: argparse.Namespace, user: "User") -> None:
    """Print or write what is wrong in the papers."""
    from advkd.report.paper_errors import errors_page

    _print_or_write(errors_page(), args.out)


@ASK.command(
    "deviations",
    "what the papers leave open or contradict, and what is done here",
    example="advkd deviations",
    arguments=[OUT],
    needs="papers",
)
def deviations(args: argparse.Namespace, user: "User") -> None:
    """Print or write what the papers leave open or contradict, and what is done here."""
    from advkd.report import deviations

    _print_or_write(deviations.markdown_document(), args.out)


@ASK.command(
    "explain",
    "what stands behind a number: runs, settings, seeds, weights, data, machine",
    "Of a tag, a run or a run group: which tables and figures rest on it.",
    example="advkd explain okd_table1 OKD-SAGAN G2",
    arguments=[
        argument("subject", help="a table or figure; or a tag of the report (R17), a run or a run group"),
        argument("words", nargs="*", metavar="word", help="words of the cell's row and column"),
    ],
    needs="papers",
)
def explain(args: argparse.Namespace, user: "User") -> None:
    """Print what stands behind a cell."""
    from advkd.report import explain

    print(explain.report(args.subject, args.words, user))


@ASK.command(
    "config",
    "a run's settings, each with where it comes from",
    example="advkd config okd/codebrim/sagan/okd+rho=0.3/seed0 --config scale=paper",
    arguments=[argument("run", help=RUN_NAME)],
    needs="papers",
)
def show_config(args: argparse.Namespace, user: "User") -> None:
    """Print a run's resolved settings and their sources."""
    import yaml

    from advkd.settings import config

    resolved = config.resolve(args.run, user)
    print(f"# {resolved.run} at scale {resolved.scale}; hash {resolved.hash}; store {resolved.store};"
          f" {resolved.threads} threads")  # fmt: skip
    for key, value in resolved.written().items():
        line = yaml.safe_dump({key: value}, default_flow_style=None, width=1000).strip("{}\n")
        print(f"{line:<29} # {resolved.sources[key]}")


@ASK.command(
    "measure",
    "a classifier's metrics, and whether it differs from another one",
    "Top-1 error, F1, calibration and more, from the stored predictions of a finished run.",
    example=(
        "advkd measure aikd/cifar100/preact_resnet18/aikd/seed0 --against aikd/cifar100/preact_resnet18/baseline/seed0"
    ),
    arguments=[
        argument("run", help=RUN_NAME),
        argument(
            "--against", metavar="RUN", help="another run on the same images: McNemar's test and the errors' difference"
        ),
        argument(
            "--cluster",
            choices=["photo"],
            help="intervals from resampling photos, not their crops; runs on crops of photos have no others",
        ),
    ],
)
def measure(args: argparse.Namespace, user: "User") -> None:
    """Print a classifier's metrics, and how it differs from another one."""
    from advkd.report import measure

    print(measure.report(args.run, args.against, user, args.cluster))


def _print_or_write(text: str, out: Path | None) -> None:
    from advkd.files import write_text

    if out:
        write_text(out, text)
    else:
        print(text, end="")
