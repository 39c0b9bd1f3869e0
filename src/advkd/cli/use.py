"""A trained run at work, on images that are not the paper's."""

import argparse
from typing import TYPE_CHECKING

from advkd.cli.command import RUN_NAME, Group, argument, output_folder

if TYPE_CHECKING:
    from advkd.settings.user import User

USE = Group("Use", "a trained run at work")


@USE.command(
    "synthesize",
    "images from a trained generator, for data augmentation",
    example="advkd synthesize okd/codebrim/sagan/okd/seed0 --count 500 --out synthetic",
    arguments=[
        argument("run", help=RUN_NAME),
        argument("--count", type=int, required=True, metavar="N", help="images of each generator"),
        output_folder("--out", "folder to make, with a PNG for each image"),
        argument("--seed", type=int, default=0, metavar="N", help="seed of the noise (default 0)"),
    ],
)
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
