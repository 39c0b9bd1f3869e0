"""The steps that the workflow runs, from the archives to the tables and figures: one command for each rule."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from advkd.cli.command import RUN_NAME, Group, argument, output_file, output_folder
from advkd.errors import UserError
from advkd.settings.feature_networks import NETWORKS

if TYPE_CHECKING:
    from advkd.settings.user import User

STEPS = Group("The workflow's own", "its steps, to repeat one by hand")
DATASET = argument("dataset", help="a data set of config/datasets.yaml, such as codebrim")
WEIGHTS = argument(
    "--weights", type=Path, metavar="FILE", help="the feature network's weights (default: a package's, or random ones)"
)


def _json(text: str) -> object:
    """Return the value of a JSON text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"no valid JSON: {error}") from None


@STEPS.command(
    "fetch",
    "a data set's archive, found or downloaded, and verified",
    "The record that is written holds the archive's place and checksums.",
    example="advkd fetch cifar100 --out data/archives/cifar100.json --config mirror=/archives",
    arguments=[DATASET, output_file("--out", "record to write", required=True)],
)
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


@STEPS.command(
    "fetch-inception",
    "the FID network's weights, found or downloaded, and verified",
    example="advkd fetch-inception --out data/weights/inception.pth",
    arguments=[output_file("--out", "file to write", required=True)],
)
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


@STEPS.command(
    "draw",
    "a data set's archives with images that a program draws (smoke scale)",
    example="advkd draw codebrim --size 24 --out data/made/codebrim-24.json",
    arguments=[
        DATASET,
        argument("--size", type=int, required=True, metavar="N", help="photos, or training images of a class"),
        argument("--seed", type=int, default=0, metavar="N", help="seed of the drawing (default 0)"),
        output_file("--out", "record to write; the archives lie beside it", required=True),
    ],
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


@STEPS.command(
    "prepare",
    "a store, the arrays that trainings read, from an archive or a folder of images",
    example=(
        "advkd prepare data/made/cifar100-16.json --out data/stores/cifar100-0123abcd"
        """ --settings '{"dataset": "cifar100", "data": "made", "size": 32}'"""
    ),
    arguments=[
        argument("source", type=Path, help="record of a fetch or of drawn archives, or a folder of images"),
        argument("--settings", type=_json, required=True, metavar="JSON", help="the store's settings"),
        output_folder("--out", "folder of the store"),
    ],
)
def prepare(args: argparse.Namespace, user: "User") -> None:
    """Prepare a store."""
    from advkd.data import registry
    from advkd.data.archives.record import read_record
    from advkd.data.archives.verification import AS_FIRST_USED
    from advkd.data.archives.verification import remember_content as remember_verified
    from advkd.data.classifier_store import prepare_classifier_store
    from advkd.data.crop_store import prepare_crop_store
    from advkd.data.folder_source import folder_state, remember_content
    from advkd.data.labelled_crops import prepare_labelled_crops
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
        if images.crops:
            if isinstance(source, Path):
                raise UserError(f"{source} is a folder of images: name the record of the photos' archive")
            meta = prepare_labelled_crops(source, registered[images.dataset], images, args.out, tolerated)
        else:
            meta = prepare_classifier_store(source, registered.get(images.dataset), images, args.out, tolerated, links)
    if not isinstance(source, Path) and source["verified"] == AS_FIRST_USED and is_whole(meta):
        remember_verified(Path(user.data_root), source["name"], source["content"])
    if isinstance(source, Path) and folder_state(source, links) == state:
        remember_content(args.out, state, meta["source"]["content"])


@STEPS.command(
    "derive",
    "the data set of a run that is made of a prepared one",
    "One class alone, for a generator that draws no images of a class; or real and generated images, for a classifier."
    " The prepared data set and the generators' runs must be there.",
    example=(
        "advkd derive aikd/codebrim/preact_resnet18/baseline+generator=acgan_okd/seed0"
        " --out data/stores/codebrim-0123abcd-0123abcd"
    ),
    arguments=[
        argument("run", help=RUN_NAME),
        output_folder("--out", "folder of the store"),
    ],
)
def derive(args: argparse.Namespace, user: "User") -> None:
    """Make the data set of a run of a prepared one."""
    from advkd.runs.derived import derive
    from advkd.settings import config

    derive(config.resolve(args.run, user), user, args.out)


@STEPS.command(
    "sheet",
    "the first training images of a run, real and generated, as a picture to look at",
    "The data set must be there. The picture is for looking at: photos of defects may not be passed on.",
    example="advkd sheet aikd/codebrim/preact_resnet18/baseline+subset=1/seed0 --out sheet.png",
    arguments=[argument("run", help=RUN_NAME), output_file("--out", "PNG file to write", required=True)],
)
def sheet(args: argparse.Namespace, user: "User") -> None:
    """Draw the first training images of a run."""
    from advkd.artifacts.sheets import write_sheet
    from advkd.settings import config

    write_sheet(config.resolve(args.run, user), user, args.out)


@STEPS.command(
    "train",
    "a trained run, continued from where it stopped",
    "Its data and the runs that it learns from must be there. The results lie in results/SCALE/runs/RUN.",
    example="advkd train okd/codebrim/sagan/okd/seed0",
    arguments=[argument("run", help=RUN_NAME)],
)
def train(args: argparse.Namespace, user: "User") -> int:
    """Train a run; return its exit status."""
    from advkd.data.folder_source import check_folder
    from advkd.runs.lookup import folder_of
    from advkd.runs.stores import outdated, store_of
    from advkd.runs.train import train
    from advkd.settings import config

    resolved = config.resolve(args.run, user)
    if resolved.settings["data"] == "folder":
        name = resolved.run.dataset
        check_folder(Path(user.folders[name]), store_of(resolved.base(), user), name in user.links)
        if resolved.derived and (reason := outdated(resolved, user)):
            raise UserError(f"{resolved.store}: {reason}")
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


@STEPS.command(
    "reals",
    "features of a store's images for FID and KID, once",
    example="advkd reals data/stores/codebrim-0123abcd --features random_inception64 --out data/features/codebrim",
    arguments=[
        argument("store", type=Path, help="folder of a store"),
        argument("--features", choices=NETWORKS, required=True, help="the feature network"),
        WEIGHTS,
        output_folder("--out", "folder of the features"),
    ],
)
def reals(args: argparse.Namespace, user: "User") -> None:
    """Write the features of a store's images."""
    from advkd.runs.evaluation import prepare_reals

    prepare_reals(args.store, args.out, args.features, args.weights, user)


@STEPS.command(
    "evaluate",
    "a GAN's metrics from its samples",
    example=(
        "advkd evaluate okd/codebrim/sagan/okd/seed0 --reals data/features/codebrim"
        " --out results/smoke/runs/okd/codebrim/sagan/okd/seed0/metrics.json"
    ),
    arguments=[
        argument("run", help=RUN_NAME),
        argument("--reals", type=Path, required=True, metavar="FOLDER", help="features of the real images"),
        WEIGHTS,
        output_file("--out", "metrics to write", required=True),
    ],
)
def evaluate(args: argparse.Namespace, user: "User") -> None:
    """Write the metrics of a GAN's run."""
    from advkd.runs.evaluation import evaluate

    evaluate(args.run, args.reals, args.out, args.weights, user)


@STEPS.command(
    "table",
    "a table from the metrics of its runs, as CSV, Markdown and LaTeX",
    example="advkd table okd_table1 --out results/smoke/tables",
    arguments=[
        argument("table", help="a table's name, such as okd_table1"),
        output_folder("--out", "folder of the .csv, .md and .tex"),
    ],
)
def table(args: argparse.Namespace, user: "User") -> None:
    """Write a table."""
    from advkd.artifacts import tables

    tables.write_table(args.table, user, args.out)


@STEPS.command(
    "figure",
    "a figure from the samples or predictions of its runs, as PDF and PNG",
    example="advkd figure aikd_figure7 --out figures/smoke",
    arguments=[
        argument("figure", help="a figure's name, such as aikd_figure7"),
        output_folder("--out", "folder of the .pdf and .png"),
    ],
)
def figure(args: argparse.Namespace, user: "User") -> None:
    """Write a figure."""
    from advkd.artifacts import figures

    figures.write_figure(args.figure, user, args.out)
