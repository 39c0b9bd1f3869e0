"""The command line: every arrow of the workflow as one command, and questions about what it made. Thin."""

import argparse
import contextlib
import json
import os
import sys
import traceback
from pathlib import Path

import yaml

from advkd import __version__
from advkd.errors import UserError, machine_fault
from advkd.files import read_json, sha256, write_json, write_text
from advkd.progress import logging_to, say
from advkd.runs import provenance
from advkd.settings import config
from advkd.settings.names import Run
from advkd.settings.user import User


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a fault, 2 for bad input, 130 for Ctrl-C."""
    args = parser().parse_args(arguments)
    with logging_to(args.log) if args.log else contextlib.nullcontext():
        return run(args)


def run(args: argparse.Namespace) -> int:
    """Run a parsed command; every error becomes a line and an exit status."""
    try:
        return args.command(args, config.user(dict(args.config))) or 0
    except UserError as error:
        say(f"advkd {args.name}: {' '.join(str(error).splitlines())}")
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if said := machine_fault(error):
            say(f"advkd {args.name}: {said}")
            return 2
        say(traceback.format_exc())
        return 1


def parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    top = argparse.ArgumentParser(prog="advkd", description=__doc__)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="name", required=True, metavar="COMMAND")

    def add(name: str, command, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.add_argument("--config", nargs="+", action="extend", type=_pair, default=[], metavar="KEY=VALUE",
                         help="settings laid over config/config.yaml, as for snakemake")  # fmt: skip
        one.add_argument("--log", type=Path, help="append the printed lines to this file too")
        one.set_defaults(command=command)
        return one

    one = add("status", status, "what exists, runs, failed or was made by older code")
    one.add_argument("--all", action="store_true", help="list finished runs too")
    add("doctor", doctor, "whether this machine has what the scale needs: devices, space, data, weights, TeX")
    one = add("plan", plan, "the runs that a target still needs, and how long they take")
    one.add_argument("target", help="a table, a figure, table1, main, pretrain, paper, …")
    one.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    one = add("report", report, "all that exists at a scale, as one HTML page and as a PDF; trains nothing")
    one.add_argument("--scale", help="short for --config scale=…")
    one.add_argument("--html", type=Path, help="write the page alone, to this file (results/SCALE/report.html)")
    one.add_argument("--pdf", type=Path, help="write the PDF alone, to this file (paper/report.pdf)")
    one = add("tensorboard", tensorboard, "histories, metrics and samples of runs as event files for TensorBoard")
    one.add_argument("names", nargs="*", metavar="TARGET_OR_RUN", help="default: every run that exists")
    one.add_argument("--out", type=Path, required=True, help="folder for `tensorboard --logdir`, one folder a run")
    one = add("claims", claims, "whether the papers' claims hold, on their own numbers and on ours")
    one.add_argument("--out", type=Path, help="write them to this file instead of printing them")
    add("audit", audit, "where the papers' printed numbers contradict one another")
    one = add("deviations", deviations, "what the papers leave open or contradict, and what is done here")
    one.add_argument("--out", type=Path, help="write them to this file instead of printing them")
    one = add("explain", explain, "what stands behind a cell: runs, settings, seeds, weights, data")
    one.add_argument("subject", help="a table or figure; or, for what rests on it, a tag (R17), a run or a run group")
    one.add_argument("words", nargs="*", help="words of the cell's row and column, for example OKD-SAGAN G2")
    one = add("config", show_config, "a run's resolved settings, and where each comes from")
    one.add_argument("run")
    one = add("synthesize", synthesize, "images from a trained generator, for data augmentation")
    one.add_argument("run")
    one.add_argument("--count", type=int, required=True, help="images of each generator")
    one.add_argument("--out", type=Path, required=True, help="folder to make")
    one.add_argument("--seed", type=int, default=0, help="seed of the noise")

    one = add("fetch", fetch, "find or download a data set's archive and verify it")
    one.add_argument("dataset")
    one.add_argument("--out", type=Path, required=True)
    one = add("fetch-inception", fetch_inception, "find or download the FID network's weights and verify them")
    one.add_argument("--out", type=Path, required=True)
    one = add("draw", draw, "draw a data set's archives (smoke scale)")
    one.add_argument("dataset")
    one.add_argument("--size", type=int, required=True, help="photos, or training images of a class")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--out", type=Path, required=True, help="record to write; the archives lie beside it")
    one = add("prepare", prepare, "prepare a store from an archive")
    one.add_argument("source", type=Path, help="record of a fetch or of drawn archives, or a folder of images")
    one.add_argument("--settings", type=json.loads, required=True)
    one.add_argument("--out", type=Path, required=True)
    one = add("train", train_run, "train a run, from where it stopped")
    one.add_argument("run")
    one = add("reals", reals, "features of a store's images for FID, once")
    one.add_argument("store", type=Path)
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--dims", type=int, required=True)
    one.add_argument("--weights", type=Path, help="verified weights (without: random, seeded)")
    one.add_argument("--out", type=Path, required=True)
    one = add("evaluate", evaluate, "a GAN's metrics from its samples")
    one.add_argument("run")
    one.add_argument("--reals", type=Path, required=True)
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--weights", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one = add("measure", measure, "a classifier's metrics from its predictions, printed")
    one.add_argument("run")
    one.add_argument("--against", help="another run on the same images: McNemar's test and the errors' difference")
    one = add("table", table, "a table from the metrics of its runs")
    one.add_argument("table")
    one.add_argument("--out", type=Path, required=True, help="folder of the .csv, .md and .tex")
    one = add("figure", figure, "a figure from the samples of its runs")
    one.add_argument("figure")
    one.add_argument("--out", type=Path, required=True, help="folder of the .pdf and .png")
    return top


def _pair(text: str) -> tuple[str, object]:
    key, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r}: expected KEY=VALUE")
    try:
        return key, yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no valid YAML: {' '.join(str(error).split())}") from None


def status(args: argparse.Namespace, user: User) -> None:
    """Print what exists at a scale."""
    from advkd.report import status

    print(status.report(user, args.all))


def doctor(args: argparse.Namespace, user: User) -> int:
    """Print what the machine has and lacks; returns 1 where something is wrong."""
    from advkd import doctor

    words, ready = doctor.report(user)
    print(words)
    return 0 if ready else 1


def plan(args: argparse.Namespace, user: User) -> None:
    """Print what a target still needs."""
    from advkd.report import plan

    if args.jobs < 1:
        raise UserError(f"--jobs is {args.jobs}: ask for at least 1")
    print(plan.report(args.target, user, args.jobs))


def report(args: argparse.Namespace, user: User) -> None:
    """Write the report of what exists."""
    from advkd.report import content, document, page

    if args.scale:
        user = config.user({**dict(args.config), "scale": args.scale})
    both, found = not (args.html or args.pdf), content.gather(user)
    if both or args.html:
        page.write(found, user, args.html or Path("results", user.scale, "report.html"))
    if both or args.pdf:
        document.write(found, user, args.pdf or Path("paper/report.pdf"))


def tensorboard(args: argparse.Namespace, user: User) -> None:
    """Write event files."""
    from advkd.report import tensorboard

    tensorboard.write(args.names, user, args.out)


def claims(args: argparse.Namespace, user: User) -> None:
    """Print or write what becomes of the papers' claims."""
    from advkd.claims import claims

    _give(claims.document(user), args.out)


def audit(args: argparse.Namespace, user: User) -> None:
    """Print the contradictions among the printed numbers."""
    from advkd.claims import audit

    print(audit.text())


def deviations(args: argparse.Namespace, user: User) -> None:
    """Print or write what the papers leave open, and what is done here."""
    from advkd.report import deviations

    _give(deviations.markdown_document(), args.out)


def _give(words: str, out: Path | None) -> None:
    if out:
        write_text(out, words)
    else:
        print(words, end="")


def explain(args: argparse.Namespace, user: User) -> None:
    """Print what stands behind a cell."""
    from advkd.report import explain

    print(explain.report(args.subject, args.words, user))


def show_config(args: argparse.Namespace, user: User) -> None:
    """Print a run's resolved settings and their sources."""
    resolved = config.resolve(args.run, user)
    lines = yaml.safe_dump(resolved.settings, sort_keys=False).splitlines()
    print(f"# {resolved.run} at scale {resolved.scale}; hash {resolved.hash}; store {resolved.store};"
          f" {resolved.threads} threads")  # fmt: skip
    for line in lines:
        print(f"{line:<28}# {resolved.sources.get(line.split(':')[0], 'default')}")


def synthesize(args: argparse.Namespace, user: User) -> None:
    """Write images from a trained generator."""
    from advkd.synthesize import synthesize

    synthesize(Run.parse(args.run).folder(user.scale), args.count, args.out, args.seed, user.device, user.runs_per_gpu)


def fetch(args: argparse.Namespace, user: User) -> None:
    """Fetch and verify an archive; write its record."""
    from advkd.data import registry
    from advkd.data.archives import fetch

    mirror = Path(user.mirror) if user.mirror else None
    record = fetch.fetch(
        registry.load(config.REGISTRY)[args.dataset],
        mirror=mirror,
        root=Path(user.data_root),
        accept=user.accept.get(args.dataset),
    )
    write_json(args.out, record)


def fetch_inception(args: argparse.Namespace, user: User) -> None:
    """Fetch and verify the FID network's weights."""
    from advkd.data import registry
    from advkd.data.archives import weights

    weights.fetch(
        registry.weights(config.REGISTRY)["inception"],
        named=Path(user.inception_weights) if user.inception_weights else None,
        mirror=Path(user.mirror) if user.mirror else None,
        root=Path(user.data_root),
        out=args.out,
    )


def draw(args: argparse.Namespace, user: User) -> None:
    """Draw a data set's archives in their official layout; write their record."""
    from advkd.data import registry
    from advkd.data.archives import fetch
    from advkd.data.drawn import made

    if args.size < 1:
        raise UserError(f"--size is {args.size}: ask for at least 1")
    dataset = registry.load(config.REGISTRY)[args.dataset]
    made.make(args.dataset, args.out.with_suffix(""), args.size, args.seed)
    write_json(args.out, fetch.describe(dataset, args.out.with_suffix("")))


def prepare(args: argparse.Namespace, user: User) -> None:
    """Prepare a store."""
    from advkd.data import classifier_store, crop_store, registry
    from advkd.data.settings import classifier_store_settings, crop_store_settings

    source = args.source
    if not source.exists():
        raise UserError(f"{source} does not exist: name the record of a fetch or a drawing, or a folder of images")
    if not source.is_dir():
        source = read_json(source)
    registered = registry.load(config.REGISTRY)
    if "crops" in args.settings:
        crops = crop_store_settings(args.settings)
        crop_store.prepare(source, registered.get(crops.dataset), crops, args.out)
    else:
        images = classifier_store_settings(args.settings)
        classifier_store.prepare(source, registered.get(images.dataset), images, args.out)


def train_run(args: argparse.Namespace, user: User) -> int:
    """Train a run; returns its exit status."""
    from advkd.runs.train import train

    resolved = config.resolve(args.run, user)
    document, folder = resolved.document(), resolved.run.folder(user.scale)
    afresh = user.retrain == "stale"
    return train(
        document, folder, Path(user.data_root), user.device, user.checkpoint_seconds, afresh, user.runs_per_gpu
    )


def reals(args: argparse.Namespace, user: User) -> None:
    """Compute the features of a store's images."""
    gan, device = _measuring(args, user)
    gan.prepare_reals(args.store, args.out, args.weights, _inception_sha256(), args.dims, device)


def evaluate(args: argparse.Namespace, user: User) -> None:
    """Write a run's metrics."""
    folder = Run.parse(args.run).folder(user.scale)
    if not (folder / "result.json").exists():
        raise UserError(f"{args.run} is not trained at scale {user.scale}: advkd train {args.run}")
    result = read_json(folder / "result.json")
    if result["status"] != "done":
        write_json(args.out, {"status": result["status"], "step": result["step"], "values": {}})
        return
    samples = folder / "samples.npz"
    if samples.exists() and sha256(samples) != result["sha256"].get("samples.npz"):
        raise UserError(
            f"{samples} is not what the run wrote (its checksum differs): delete the result.json beside it, then"
            f" advkd train {args.run}"
        )
    gan, device = _measuring(args, user)
    found = gan.evaluate(samples, args.reals, args.weights, _inception_sha256(), device)
    code = {"code": provenance.code_hash("metrics"), **provenance.machine(device)}
    write_json(args.out, {"status": "done", "sha256": result["sha256"], **found, "evaluated": code})


def measure(args: argparse.Namespace, user: User) -> None:
    """Print a classifier's metrics, and how it differs from another one."""
    from advkd.report import measure

    print(measure.report(args.run, args.against, user))


def _measuring(args: argparse.Namespace, user: User):
    os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)  # before numpy is imported; torch has a setting of its own
    from advkd.runs.allocator import keep_freed_memory
    from advkd.runs.device import select_device

    keep_freed_memory()
    device = select_device(user.device, user.runs_per_gpu)  # who waits for a GPU does so without torch
    import torch

    from advkd.metrics import gan

    torch.set_num_threads(args.threads)
    return gan, device


def _inception_sha256() -> str:
    from advkd.data import registry

    return registry.weights(config.REGISTRY)["inception"].archives[0].checksum.removeprefix("sha256:")


def table(args: argparse.Namespace, user: User) -> None:
    """Write a table."""
    from advkd.artifacts import tables

    tables.write_table(args.table, user, args.out)


def figure(args: argparse.Namespace, user: User) -> None:
    """Write a figure."""
    from advkd.artifacts import figures

    figures.write_figure(args.figure, user, args.out)
