"""`python -m advkd.runs RUN/config.yaml`: trains a resolved run on a machine without pydantic and Snakemake."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from advkd.errors import UserError, machine_fault
from advkd.opening import read_text
from advkd.runs.train import train
from advkd.settings.papers import config_hash, run_settings


def main() -> int:
    """Train in the folder of the given config.yaml, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m advkd.runs", description=__doc__)
    parser.add_argument("config", type=Path, help="the config.yaml of a run's folder; results are written beside it")
    parser.add_argument("--data-root", type=Path, default=Path("data"), help="folder that holds stores/")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--checkpoint-seconds", type=float, default=60.0)
    args = parser.parse_args()
    try:
        document = read_document(args.config)
        return train(document, args.config.parent, args.data_root, args.device, args.checkpoint_seconds)
    except Exception as error:
        reason = machine_fault(error)
        if not reason and isinstance(error, UserError | OSError):
            reason = str(error)
        if not reason:
            raise
        print(f"advkd.runs: {reason}", file=sys.stderr)
        return 2


def read_document(path: Path) -> dict[str, Any]:
    """Return the content of a run's config.yaml; raises UserError where it describes no run that can be trained."""
    try:
        document: dict[str, Any] = yaml.safe_load(read_text(path))
        run_settings(document["run"], document["settings"])
        if not isinstance(document["generation"], int):
            raise ValueError("generation is no whole number")
        start = document["start"]["sha256"] if "start" in document else None
        generation, generators = document["generation"], document.get("generators")
        if config_hash(document["settings"], generation, generators, start) != document["config_hash"]:
            raise ValueError("its settings were changed: they do not have its config_hash")
    except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as fault:
        reason = f"{fault} is missing" if isinstance(fault, KeyError) else " ".join(str(fault).split())
        raise UserError(f"{path}: {reason}; write it again with the version and the methods that train it") from fault
    return document


if __name__ == "__main__":
    sys.exit(main())
