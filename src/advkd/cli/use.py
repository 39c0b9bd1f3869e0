"""A trained run at work, on images that are not the paper's."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from advkd.cli.command import RUN_NAME, Group, argument, output_file, output_folder
from advkd.errors import UserError

if TYPE_CHECKING:
    from advkd.inference.classifier import Classifier
    from advkd.inference.generators import Generators
    from advkd.settings.user import User

TRAINED = f"{RUN_NAME}; a run's folder, also a copied one; or a folder that `advkd export` wrote"
EPOCH = argument(
    "--epoch",
    choices=("last", "best"),
    help="the weights of the last epoch (default), or of that with the lowest error on the evaluation images",
)

USE = Group("Use", "a trained run at work")


@USE.command(
    "predict",
    "the classes of your images, by a trained classifier",
    "Prints the class and its probability for each image, or writes them with the probabilities of all classes to a"
    " CSV file. Images that cannot be read are listed and left out; the exit status is 1 then.",
    example="advkd predict aikd/defects/resnet18/aikd/seed0 new_photos --out predictions.csv --config scale=gpu",
    arguments=[
        argument("run", help=TRAINED),
        argument("images", nargs="+", help="images, folders of images, or patterns such as 'photos/**/*.jpg'"),
        output_file("--out", "the CSV file to write; without it the classes are printed"),
        EPOCH,
    ],
    needs="nothing",
)
def predict(args: argparse.Namespace) -> int:
    """Print or write the classes of images."""
    from advkd.inference.pictures import find_images
    from advkd.inference.predicting import predict

    files = find_images(args.images)
    return predict(_classifier(args), files, args.out)


@USE.command(
    "test",
    "how good a classifier is on a folder of your images",
    "Prints accuracy, F1 and calibration, and of each class the recall with its interval. With --out it writes them"
    " too, with the confusion matrix as a picture and as a CSV file. Images that cannot be read are listed and left"
    " out; the exit status is 1 then.",
    example="advkd test aikd/defects/resnet18/aikd/seed0 --data new_photos --out judged --config scale=gpu",
    arguments=[
        argument("run", help=TRAINED),
        argument("--data", type=Path, required=True, metavar="FOLDER", help="holds a folder of images for each class"),
        output_folder("--out", "folder to make, for metrics.json, CSV files and confusion.png", required=False),
        EPOCH,
    ],
    needs="nothing",
)
def test(args: argparse.Namespace) -> int:
    """Print and write how good a classifier is."""
    from advkd.inference.testing import judge_folder

    return judge_folder(_classifier(args), args.data, args.out)


@USE.command(
    "export",
    "a trained network as a folder that others can use, with or without advkd",
    "The folder holds model.safetensors, config.json and a model card, README.md, as the Hugging Face Hub takes it. A"
    " program of torch.export (torch) and an ONNX file (onnx) are compared with the network, and the difference is"
    " printed. ONNX needs the extra [onnx].",
    example="advkd export aikd/defects/resnet18/aikd/seed0 --to defects-resnet18 --format onnx --config scale=gpu",
    arguments=[
        argument("run", help=TRAINED),
        output_folder("--to", "folder to make"),
        argument(
            "--format",
            nargs="+",
            choices=("safetensors", "torch", "onnx"),
            default=["safetensors"],
            help="what to write beside the weights, which are always written as safetensors (default: nothing)",
        ),
        argument("--licence", metavar="ID", help="the network's licence as the Hub calls it, such as cc-by-4.0"),
        argument(
            "--check",
            nargs="+",
            default=[],
            metavar="IMAGE",
            help="images to compare graphs on (default: the run's evaluation images, if they are on this machine)",
        ),
        EPOCH,
    ],
    needs="nothing",
)
def export(args: argparse.Namespace) -> None:
    """Write a trained network as a folder."""
    from advkd.inference.export.writing import write_export
    from advkd.inference.pictures import find_images

    photos = find_images(args.check) if args.check else []
    user = _user(args)
    model = _trained(args, user, device="cpu", measure=True)
    store = Path(user.data_root, "stores", str(model.provenance["data"].get("store"))) if user else None
    write_export(model, args.to, args.format, licence=args.licence, photos=photos, store=store)


@USE.command(
    "synthesize",
    "images from trained generators, for data augmentation",
    "With --out, they go into a new folder. With --into, labelled images join your own photos: those of an ACGAN by the"
    " class that it was asked for, those of a GAN that was trained on one class with that class. They lie in"
    " FOLDER/synthetic, with checksums and the runs that drew them. Runs on this folder with +generator=folder in their"
    " name train with them; no run is evaluated on them.",
    example="advkd synthesize okd/mine/acgan/okd+training_set=classifier/seed0 --count 200 --into photos",
    arguments=[
        argument("run", nargs="+", help=f"{RUN_NAME}; with --into several, each for other classes"),
        argument(
            "--count", type=int, required=True, metavar="N", help="images: of each generator; with --into of each class"
        ),
        output_folder("--out", "folder to make, with a PNG for each image", required=False),
        argument("--into", type=Path, metavar="FOLDER", help="your photos, a folder for each class"),
        argument("--seed", type=int, default=0, metavar="N", help="seed of the noise (default 0)"),
    ],
)
def synthesize(args: argparse.Namespace, user: "User") -> None:
    """Write images from trained generators."""
    from advkd.progress import say
    from advkd.runs.lookup import trained_folder
    from advkd.runs.stores import DataChecks
    from advkd.settings import config
    from advkd.synthesize import synthesize, synthesize_into

    if bool(args.out) == bool(args.into):
        raise UserError("name one of --out, a new folder, and --into, your photos by class")
    if args.out and len(args.run) > 1:
        raise UserError(f"--out takes the images of one run, here are {len(args.run)}: start the command for each")
    runs = [config.resolve(name, user) for name in args.run]
    folders = [trained_folder(resolved) for resolved in runs]
    for caution in DataChecks(user).cautions(runs):
        say(f"of outdated data: {caution}")
    if args.out:
        synthesize(folders[0], args.count, args.out, args.seed, user.device, user.runs_per_gpu)
        return
    links = any(name in user.links and args.into.resolve() == Path(at).resolve() for name, at in user.folders.items())
    synthesize_into(folders, args.count, args.into, args.seed, user.device, user.runs_per_gpu, links)


def _user(args: argparse.Namespace) -> "User | None":
    """Return the user's settings in a checkout or a project; elsewhere None, where a run is a folder and needs none.

    With a folder they only say where to compute and where the images are. So a `config/config.yaml` that is another
    program's, or that needs more than the core to be read, is left aside then.
    """
    from advkd.settings.config_files import CONFIG

    if not (args.config or (CONFIG / "config.yaml").exists()):
        return None
    optional = Path(args.run).is_dir() and not args.config
    try:
        from advkd.settings import config, words

        return config.user(words.read_words(args.config), anywhere=True)
    except ModuleNotFoundError:
        if not optional:
            raise
    except UserError as error:
        if not optional:
            raise
        from advkd.progress import say

        say(f"{CONFIG}/config.yaml is not used: {error}")
    return None


def _trained(
    args: argparse.Namespace, user: "User | None", device: str, measure: bool = False
) -> "Classifier | Generators":
    """Return the network that a command's words name; of a run's name that of the user's scale, if there is one."""
    from advkd.inference.loading import opened, read
    from advkd.runs.folder import RunFolder
    from advkd.runs.folder_names import RESULT

    of_scale = user is not None and RunFolder.of(args.run, user.scale).has(RESULT)
    scale = user.scale if user and of_scale else None
    return opened(read(args.run, args.epoch, scale, measure), device, "float32")


def _classifier(args: argparse.Namespace) -> "Classifier":
    """Return the classifier that a command's words name; raises UserError where it is a GAN."""
    from advkd.inference.classifier import Classifier

    user = _user(args)
    model = _trained(args, user, user.device if user else "auto")
    if not isinstance(model, Classifier):
        raise UserError(f"{args.run} trains a GAN, which names no classes: advkd synthesize {args.run}")
    return model
