"""The command line: questions, products, and each step of the workflow, as commands of `advkd`.

A command is added in one place: as a function in the module of its group, with a decorator that says everything about
it. The groups are `work` (the workflow's start), `ask` (questions), `make` (products), `use` (a trained run at work)
and `steps` (what the workflow runs).

    @USE.command(
        "predict",
        "the class of each of your images, by a trained classifier",  # its line in `advkd --help`
        "More about it, in sentences: what one gets, where it is written. For `advkd predict --help`.",
        example="advkd predict aikd/mine/preact_resnet18/aikd/seed0 photos --out predictions.csv",
        arguments=[
            argument("run", help=RUN_NAME),
            argument("images", type=Path, help="a folder of images"),
            output_file("--out", required=True, help="the CSV to write"),  # or output_folder
        ],
    )
    def predict(args: argparse.Namespace, user: "User") -> int | None:
        \"\"\"Write the class of each image.\"\"\"
        from advkd.predict import predict  # inside the function: help and questions start without torch

        predict(args.run, args.images, args.out, user)

`argument` takes what argparse's `add_argument` takes; its help is required. `output_file` and `output_folder` say what
is written there: whatever else lies at that place is refused before the command starts. `needs` says what the command
reads beside its arguments; the function of one that needs "nothing" takes the arguments alone. Every command also has
`--config` and `--log`. It returns its exit status, None for 0, and raises `UserError` for bad input. tests/cli checks
that every example can be parsed.
"""

from advkd.cli.entry import main

__all__ = ["main"]
