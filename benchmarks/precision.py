"""Compares finished Baseline runs in bfloat16 with runs in float32 of the same seeds: errors, time and memory.

    python benchmarks/precision.py [GROUP] [--scale small] [--seeds 3]

GROUP is a run group whose scale declares bfloat16, by default AI-KD's Baseline on CIFAR-100. Its runs in float32 are
variants of it, which no table names. This trains both, at scale small about 1.5 core-hours:

    snakemake --cores 2 runs --config scale=small mirror=/archives 'runs=[
      aikd/cifar100/preact_resnet18/baseline/seed0, aikd/cifar100/preact_resnet18/baseline+precision=float32/seed0,
      aikd/cifar100/preact_resnet18/baseline/seed1, aikd/cifar100/preact_resnet18/baseline+precision=float32/seed1,
      aikd/cifar100/preact_resnet18/baseline/seed2, aikd/cifar100/preact_resnet18/baseline+precision=float32/seed2]'

Two runs of a seed have the same start, order and views. The difference of their errors on the evaluation images is
printed with its 95 % interval over these images, and the mean difference with its interval over seeds (paired t). That
bfloat16 costs no accuracy is shown as far as the upper end of that interval says.
"""

import argparse
from typing import Any

from advkd.metrics.effect import Sample, contrast
from advkd.metrics.significance import paired_difference
from advkd.runs.answers import read_answers
from advkd.runs.folder import RunFolder
from advkd.runs.lookup import trained_folder
from advkd.settings import config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("group", nargs="?", default="aikd/cifar100/preact_resnet18/baseline")
    parser.add_argument("--scale", default="small")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    user = config.user({"scale": arguments.scale})

    print("error and training error in % after the last epoch, minutes, MiB at most")
    differences = []
    for seed in range(arguments.seeds):
        wrong = []
        for group in (arguments.group, f"{arguments.group}+precision=float32"):
            resolved = config.resolve(f"{group}/seed{seed}", user)
            run = trained_folder(resolved)
            wrong.append(read_answers(run).wrong)
            name = f"{resolved.run} ({resolved.settings['precision']})"
            print(f"{name:75}{100 * wrong[-1].mean():8.2f}{described(run)}")
        differences.append(100 * (wrong[0].mean() - wrong[1].mean()))
        low, high = (100 * end for end in paired_difference(*wrong))
        print(f"difference of seed {seed}: {differences[-1]:+.2f} points, over images {low:+.2f} to {high:+.2f}")
    low, high = contrast([1], [Sample.from_values(differences)]).interval()
    mean = sum(differences) / len(differences)
    print(f"bfloat16 - float32: {mean:+.2f} points, over {len(differences)} seeds {low:+.2f} to {high:+.2f}")


def described(run: RunFolder) -> str:
    """Return the training error, the minutes and the peak memory of a run."""
    provenance: dict[str, Any] = run.provenance()
    memory = provenance["peak_memory_mib"]["resident"]
    return f"{run.history()['train_error'][-1]:9.2f}{provenance['wall_seconds'] / 60:8.1f}{memory:8}"


if __name__ == "__main__":
    main()
