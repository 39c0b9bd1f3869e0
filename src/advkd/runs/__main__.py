"""`python -m advkd.runs RUN/config.yaml`: train a resolved run where pydantic and Snakemake are not installed."""

import argparse
import sys
from pathlib import Path

import yaml

from advkd.errors import UserError, machine_fault
from advkd.runs.train import train


def main() -> int:
    """Train in the folder of the given config.yaml; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m advkd.runs", description=__doc__)
    parser.add_argument("config", type=Path, help="the config.yaml of a run's folder; results are written beside it")
    parser.add_argument("--data-root", type=Path, default=Path("data"), help="folder that holds stores/")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--checkpoint-seconds", type=float, default=60.0)
    args = parser.parse_args()
    try:
        document = yaml.safe_load(args.config.read_text(encoding="utf-8"))
        return train(document, args.config.parent, args.data_root, args.device, args.checkpoint_seconds)
    except Exception as error:
        said = machine_fault(error) or (isinstance(error, UserError | OSError) and str(error))
        if not said:
            raise
        print(f"advkd.runs: {said}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
