"""The command line: each step of the workflow as one command, and questions about its results."""

# Only what `advkd --help` needs is imported here. Each command imports its own modules, so that help and questions
# start without torch, and help without pydantic.
import argparse
import os
import stat
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from advkd import __version__
from advkd.errors import UserError, machine_fault

if TYPE_CHECKING:
    from advkd.settings.user import User

    Command: TypeAlias = Callable[[argparse.Namespace, User], int | None]


INTO_FOLDERS = ("tensorboard", "keep", "synthesize", "prepare", "reals", "table", "figure")  # their --out is a folder


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 for a fault, 2 for bad input, 130 for Ctrl-C."""
    args = build_parser().parse_args(arguments)
    if status := _reporting(args.name, lambda: _check_outputs(args)):
        return status
    if not args.log:
        return run(args)
    from advkd.progress import logging_to

    with logging_to(args.log):
        return run(args)


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse a device, a pipe or a folder at the place of an output file, before anything is computed or written."""
    from advkd.errors import CannotWrite
    from advkd.files import check_output
    from advkd.opening import KINDS, other_than_file

    named = vars(args)
    files = [named.get("html"), named.get("pdf")]
    out = named.get("out")
    if args.name in INTO_FOLDERS:
        if out and out.exists() and not out.is_dir():
            raise CannotWrite(
                out, f"it is {other_than_file(out) or 'a file'}, not a folder: move it away, or name another place"
            )
    else:
        files.append(out)
    if args.log and other_than_file(args.log) != KINDS[stat.S_IFCHR]:  # lines may be appended to /dev/null
        files.append(args.log)
    for path in filter(None, files):
        check_output(path)


def run(args: argparse.Namespace) -> int:
    """Run a parsed command; every error becomes printed lines and an exit status."""
    from advkd.settings import config, words

    return _reporting(args.name, lambda: args.command(args, config.user(words.read_words(args.config))))


def _reporting(name: str, work: Callable[[], int | None]) -> int:
    """Do a command's work and return its exit status; every error becomes printed lines and an exit status."""
    from advkd.progress import say

    try:
        return work() or 0
    except UserError as error:
        say(f"advkd {name}: {' '.join(str(error).splitlines())}")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if reason := machine_fault(error):
            say(f"advkd {name}: {reason}")
            return 2
        say(traceback.format_exc())
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="advkd", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def add(name: str, command: "Command", description: str) -> argparse.ArgumentParser:
        subparser: argparse.ArgumentParser = commands.add_parser(name, help=description, description=description)
        subparser.add_argument(
            "--config",
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY=VALUE",
            help="settings laid over config/config.yaml, as for snakemake",
        )
        subparser.add_argument("--log", type=Path, help="append the printed lines to this file too")
        subparser.set_defaults(command=command)
        return subparser

    _add_questions(add)
    _add_steps(add)
    return parser


def _add_questions(add: Callable[[str, "Command", str], argparse.ArgumentParser]) -> None:
    """Add the commands that a person types."""
    command = add("status", status, "what exists, runs, failed or was made by older code")
    command.add_argument("--all", action="store_true", help="list finished runs too")
    command = add("migrate", migrate, "carry finished runs and data sets of an earlier version over to this one")
    command.add_argument("--all", action="store_true", help="the runs of all scales")
    add("doctor", doctor, "whether this machine has what the scale needs: devices, space, data, weights, TeX")
    command = add("plan", plan, "the runs that a target still needs, and how long they take")
    command.add_argument("target", help="a table, a figure, table1, main, pretrain, paper, …")
    command.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    command = add("report", report, "all results of a scale, as one HTML page and as a PDF; trains nothing")
    command.add_argument("--scale", help="short for --config scale=…")
    command.add_argument("--html", type=Path, help="write only the page, to this file (results/SCALE/report.html)")
    command.add_argument("--pdf", type=Path, help="write only the PDF, to this file (paper/report.pdf)")
    command = add("tensorboard", tensorboard, "histories, metrics and samples of runs as event files for TensorBoard")
    command.add_argument("names", nargs="*", metavar="TARGET_OR_RUN", help="default: every run that exists")
    command.add_argument("--out", type=Path, required=True, help="folder for `tensorboard --logdir`, one folder a run")
    command = add("claims", claims, "check the papers' claims on their own numbers and on ours")
    command.add_argument("--out", type=Path, help="write them to this file instead of printing them")
    command = add("evidence", evidence, "decide the tests that were fixed beforehand, from finished runs")
    command.add_argument("--out", type=Path, help="write them to this file instead of printing them")
    command = add("keep", keep, "copy what is small of finished runs, so that tests can be repeated without weights")
    command.add_argument("names", nargs="*", metavar="TARGET_OR_RUN", help="default: every run that exists")
    command.add_argument("--out", type=Path, required=True, help="folder below which results/SCALE/runs is copied")
    add("audit", audit, "find contradictions between the papers' printed numbers")
    command = add("deviations", deviations, "what the papers leave open or contradict, and what is done here")
    command.add_argument("--out", type=Path, help="write them to this file instead of printing them")
    command = add("explain", explain, "what stands behind a cell: runs, settings, seeds, weights, data")
    command.add_argument("subject", help="a table or figure; or a tag (R17), a run or a run group: what rests on it")
    command.add_argument("words", nargs="*", help="words of the cell's row and column, for example OKD-SAGAN G2")
    command = add("config", show_config, "a run's resolved settings, and where each comes from")
    command.add_argument("run")
    command = add("synthesize", synthesize, "images from a trained generator, for data augmentation")
    command.add_argument("run")
    command.add_argument("--count", type=int, required=True, help="images of each generator")
    command.add_argument("--out", type=Path, required=True, help="folder to make")
    command.add_argument("--seed", type=int, default=0, help="seed of the noise")
    command = add("measure", measure, "a classifier's metrics from its predictions, printed")
    command.add_argument("run")
    command.add_argument("--against", help="another run on the same images: McNemar's test and the errors' difference")


def _add_steps(add: Callable[[str, "Command", str], argparse.ArgumentParser]) -> None:
    """Add the commands that the workflow runs, from the archives to the tables and figures."""
    from advkd.settings.feature_networks import NETWORKS

    command = add("fetch", fetch, "find or download a data set's archive and verify it")
    command.add_argument("dataset")
    command.add_argument("--out", type=Path, required=True)
    command = add("fetch-inception", fetch_inception, "find or download the FID network's weights and verify them")
    command.add_argument("--out", type=Path, required=True)
    command = add("draw", draw, "draw a data set's archives (smoke scale)")
    command.add_argument("dataset")
    command.add_argument("--size", type=int, required=True, help="photos, or training images of a class")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--out", type=Path, required=True, help="record to write; the archives lie beside it")
    command = add("prepare", prepare, "prepare a store from an archive")
    command.add_argument("source", type=Path, help="record of a fetch or of drawn archives, or a folder of images")
    command.add_argument("--settings", type=_json, required=True)
    command.add_argument("--out", type=Path, required=True)
    command = add("train", train, "train a run, from where it stopped")
    command.add_argument("run")
    command = add("reals", reals, "features of a store's images for FID, once")
    command.add_argument("store", type=Path)
    command.add_argument("--threads", type=int, default=2)
    command.add_argument("--features", choices=NETWORKS, required=True, help="the feature network")
    command.add_argument("--weights", type=Path, help="its weights (default: a package's, or random ones)")
    command.add_argument("--out", type=Path, required=True)
    command = add("evaluate", evaluate, "a GAN's metrics from its samples")
    command.add_argument("run")
    command.add_argument("--reals", type=Path, required=True)
    command.add_argument("--threads", type=int, default=2)
    command.add_argument("--weights", type=Path)
    command.add_argument("--out", type=Path, required=True)
    command = add("table", table, "a table from the metrics of its runs")
    command.add_argument("table")
    command.add_argument("--out", type=Path, required=True, help="folder of the .csv, .md and .tex")
    command = add("figure", figure, "a figure from the samples or predictions of its runs")
    command.add_argument("figure")
    command.add_argument("--out", type=Path, required=True, help="folder of the .pdf and .png")


def _json(text: str) -> object:
    """Return the value of a JSON text."""
    import json

    return json.loads(text)


def status(args: argparse.Namespace, user: "User") -> None:
    """Print what exists at a scale."""
    from advkd.report import status

    print(status.report(user, args.all))


def migrate(args: argparse.Namespace, user: "User") -> None:
    """Carry runs and stores over to this version, and print what was done and what cannot be carried over."""
    from advkd.runs import migration
    from advkd.settings import config, config_files, words

    print("\n".join(migration.migrate_stores(Path(user.data_root)).lines("data sets")))
    for scale in config_files.scale_names() if args.all else [user.scale]:
        of_scale = config.user({**words.read_words(args.config), "scale": scale})
        print("\n".join(migration.migrate_runs(of_scale).lines(f"runs at scale {scale}")))


def doctor(args: argparse.Namespace, user: "User") -> int:
    """Print what the machine has and lacks; return 1 if something is wrong."""
    from advkd import doctor

    text, ready = doctor.report(user)
    print(text)
    return 0 if ready else 1


def plan(args: argparse.Namespace, user: "User") -> None:
    """Print the runs that a target still needs."""
    from advkd.report import plan

    if args.jobs < 1:
        raise UserError(f"--jobs is {args.jobs}: ask for at least 1")
    print(plan.report(args.target, user, args.jobs, args.config))


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


def tensorboard(args: argparse.Namespace, user: "User") -> int:
    """Write event files for TensorBoard; return 1 if something of a run was left out."""
    from advkd.report import tensorboard

    return 1 if tensorboard.write(args.names, user, args.out) else 0


def claims(args: argparse.Namespace, user: "User") -> None:
    """Print or write the verdicts on the papers' claims."""
    from advkd.claims.markdown import claims_page

    _print_or_write(claims_page(user), args.out)


def evidence(args: argparse.Namespace, user: "User") -> None:
    """Print or write the decisions on the tests that were fixed beforehand."""
    from advkd.claims.evidence_markdown import evidence_page

    _print_or_write(evidence_page(user), args.out)


def keep(args: argparse.Namespace, user: "User") -> None:
    """Copy the small files of finished runs."""
    from advkd.progress import say
    from advkd.runs.keep import keep
    from advkd.settings import catalog

    named = catalog.with_parents(catalog.selected(args.names, user))
    kept = keep(list(named.values()), args.out)
    say(f"{kept} finished runs of scale {user.scale} -> {args.out}")


def audit(args: argparse.Namespace, user: "User") -> None:
    """Print the contradictions among the printed numbers."""
    from advkd.claims.audit import audit_text

    print(audit_text())


def deviations(args: argparse.Namespace, user: "User") -> None:
    """Print or write what the papers leave open or contradict, and what is done here."""
    from advkd.report import deviations

    _print_or_write(deviations.markdown_document(), args.out)


def _print_or_write(text: str, out: Path | None) -> None:
    from advkd.files import write_text

    if out:
        write_text(out, text)
    else:
        print(text, end="")


def explain(args: argparse.Namespace, user: "User") -> None:
    """Print what stands behind a cell."""
    from advkd.report import explain

    print(explain.report(args.subject, args.words, user))


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


def synthesize(args: argparse.Namespace, user: "User") -> None:
    """Write images from a trained generator."""
    from advkd.progress import say
    from advkd.runs.lookup import trained_folder
    from advkd.runs.stores import DataChecks
    from advkd.settings import config
    from advkd.synthesize import synthesize

    resolved = config.resolve(args.run, user)
    folder = trained_folder(resolved)
    for caution in DataChecks(user).cautions([resolved]):
        say(f"of outdated data: {caution}")
    synthesize(folder, args.count, args.out, args.seed, user.device, user.runs_per_gpu)


def measure(args: argparse.Namespace, user: "User") -> None:
    """Print a classifier's metrics, and how it differs from another one."""
    from advkd.report import measure

    print(measure.report(args.run, args.against, user))


def fetch(args: argparse.Namespace, user: "User") -> None:
    """Fetch and verify an archive; write its record."""
    from advkd.data import registry
    from advkd.data.archives.fetch_dataset import fetch_dataset
    from advkd.data.archives.record import write_record
    from advkd.settings import config

    record = fetch_dataset(
        registry.load(config.REGISTRY)[args.dataset],
        mirror=Path(user.mirror) if user.mirror else None,
        root=Path(user.data_root),
        accept=user.accept.get(args.dataset),
        links=args.dataset in user.links,
    )
    write_record(args.out, record)


def fetch_inception(args: argparse.Namespace, user: "User") -> None:
    """Fetch and verify the FID network's weights."""
    from advkd.data import registry
    from advkd.data.archives.fetch_weights import fetch_weights
    from advkd.settings import config

    fetch_weights(
        registry.load_weights(config.REGISTRY)["inception"],
        file=Path(user.inception_weights) if user.inception_weights else None,
        mirror=Path(user.mirror) if user.mirror else None,
        root=Path(user.data_root),
        out=args.out,
    )


def draw(args: argparse.Namespace, user: "User") -> None:
    """Draw a data set's archives in their official layout; write their record."""
    from advkd.data import registry
    from advkd.data.archives.record import describe_drawn, write_record
    from advkd.data.drawn.draw_dataset import draw_dataset
    from advkd.settings import config

    if args.size < 1:
        raise UserError(f"--size is {args.size}: ask for at least 1")
    dataset = registry.load(config.REGISTRY)[args.dataset]
    draw_dataset(args.dataset, args.out.with_suffix(""), args.size, args.seed)
    write_record(args.out, describe_drawn(dataset, args.out.with_suffix("")))


def prepare(args: argparse.Namespace, user: "User") -> None:
    """Prepare a store."""
    from advkd.data import registry
    from advkd.data.archives.record import read_record
    from advkd.data.archives.verification import AS_FIRST_USED
    from advkd.data.archives.verification import remember_content as remember_verified
    from advkd.data.classifier_store import prepare_classifier_store
    from advkd.data.crop_store import prepare_crop_store
    from advkd.data.folder_source import folder_state, remember_content
    from advkd.data.settings import ClassifierStoreSettings, CropStoreSettings
    from advkd.data.store_meta import is_whole
    from advkd.settings import config
    from advkd.settings.validation import validate_group

    source = args.source
    if not source.exists():
        raise UserError(f"{source} does not exist: name the record of a fetch or a drawing, or a folder of images")
    state, links = "", args.settings.get("dataset") in user.links
    if source.is_dir():
        state = folder_state(source, links)
    else:
        source = read_record(source)
    registered = registry.load(config.REGISTRY)
    if "crops" in args.settings:
        crops = validate_group(CropStoreSettings, args.settings, "the store's settings")
        tolerated = user.tolerate.get(crops.dataset, 0)
        meta = prepare_crop_store(source, registered.get(crops.dataset), crops, args.out, tolerated, links)
    else:
        images = validate_group(ClassifierStoreSettings, args.settings, "the store's settings")
        tolerated = user.tolerate.get(images.dataset, 0)
        meta = prepare_classifier_store(source, registered.get(images.dataset), images, args.out, tolerated, links)
    if not isinstance(source, Path) and source["verified"] == AS_FIRST_USED and is_whole(meta):
        remember_verified(Path(user.data_root), source["name"], source["content"])
    if isinstance(source, Path) and folder_state(source, links) == state:
        remember_content(args.out, state, meta["source"]["content"])


def train(args: argparse.Namespace, user: "User") -> int:
    """Train a run; return its exit status."""
    from advkd.data.folder_source import check_folder
    from advkd.runs.lookup import folder_of
    from advkd.runs.stores import store_of
    from advkd.runs.train import train
    from advkd.settings import config

    resolved = config.resolve(args.run, user)
    if resolved.settings["data"] == "folder":
        name = resolved.run.dataset
        check_folder(Path(user.folders[name]), store_of(resolved, user), name in user.links)
    return train(
        resolved.document(),
        folder_of(resolved).path,
        Path(user.data_root),
        user.device,
        user.checkpoint_seconds,
        afresh=user.retrain == "stale",
        runs_per_gpu=user.runs_per_gpu,
        command=f"advkd train {args.run} {config.options(user)}",
    )


def reals(args: argparse.Namespace, user: "User") -> None:
    """Write the features of a store's images."""
    from advkd.runs.evaluation import prepare_reals

    prepare_reals(args.store, args.out, args.features, args.weights, args.threads, user)


def evaluate(args: argparse.Namespace, user: "User") -> None:
    """Write the metrics of a GAN's run."""
    from advkd.runs.evaluation import evaluate

    evaluate(args.run, args.reals, args.out, args.weights, args.threads, user)


def table(args: argparse.Namespace, user: "User") -> None:
    """Write a table."""
    from advkd.artifacts import tables

    tables.write_table(args.table, user, args.out)


def figure(args: argparse.Namespace, user: "User") -> None:
    """Write a figure."""
    from advkd.artifacts import figures

    figures.write_figure(args.figure, user, args.out)
