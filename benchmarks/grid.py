"""Estimates the cost of all runs of a scale on GPUs from the counted operations of their steps.

    PYTHONPATH=src python benchmarks/grid.py [--scale paper] [--target all] [--tflops 5 10 30] [--gpus 1 8 64]

Counted on the training code by `advkd.runs.counting`: the floating-point operations of a step of each kind of run (by
PyTorch's formulas, on a few images, scaled to the run's batch) and of the evaluation after each epoch; the number of
operations that a step starts; the bytes of weights, predictions, samples and checkpoints. Measured: the seconds of the
same steps on this CPU. Assumed: a GPU sustains `--tflops` and needs `--microseconds` to start an operation, and a step
takes the longer of the two times. FID, tables and the preparation of data are left out.
"""

import argparse
from dataclasses import dataclass

from timing import prepare

from advkd.progress import duration
from advkd.report import plan
from advkd.runs import counting, estimates
from advkd.runs.kinds import Kind, kind_key
from advkd.runs.work import Work, images_of, work_of
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.names import PAPERS


@dataclass(frozen=True)
class Cost:
    """The cost of a run.

    Attributes:
        gpu: seconds on the assumed GPU; in `overhead` of them it waits for operations to start.
        cpu: seconds on this CPU.
        flops: floating-point operations.
        checkpoint: bytes of a checkpoint.
        disk: bytes that the finished run keeps.
    """

    gpu: float
    overhead: float
    cpu: float
    flops: float
    checkpoint: int
    disk: int


def cost(resolved: Resolved, kind: Kind, work: Work, tflops: float, microseconds: float) -> Cost:
    """Return the cost of a run on a GPU that sustains `tflops` and starts an operation in `microseconds`."""
    s = resolved.settings
    speed, starting = tflops * 1e12, microseconds / 1e6
    overhead, flops = 0.0, work.evaluated * kind.evaluation
    for sort, step in kind.steps.items():
        number, batch = work.steps[sort]
        overhead += number * step.started * starting * (step.started * starting > step.flops * batch / speed)
        flops += number * batch * step.flops
    gpu, cpu = estimates.gpu_seconds(kind, work, speed, starting), estimates.cpu_seconds(kind, work)
    images = work.evaluated // s.get("epochs", 1)
    side = s.get("image_size") or s["stored_size"]  # of GANs that learn a classifier's crops
    samples = s.get("fakes", 0) * s.get("sets", 0) * side * side * 3 * (2 if s.get("early_iteration") else 1)
    return Cost(gpu, overhead, cpu, flops, kind.checkpoint, kind.weights + images * kind.predicted + samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="paper")
    parser.add_argument("--target", default="all", help="a target of the workflow: all, tables, okd_table1, …")
    parser.add_argument("--tflops", type=float, nargs="+", default=[5.0, 10.0, 30.0])
    parser.add_argument("--microseconds", type=float, default=10.0)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    arguments = parser.parse_args()
    prepare()
    user = config.user({"scale": arguments.scale})
    runs = catalog.with_parents(catalog.wanted(arguments.target, user))
    kinds: dict[tuple, Kind] = {}
    works: dict[str, Work] = {}
    for name, resolved in runs.items():
        images = images_of(resolved, user)
        assert images, f"prepare the data of {name} first"
        works[name] = work_of(resolved, images)
        key = kind_key(resolved)
        if key in kinds:
            continue
        kinds[key] = counting.count(resolved, images.classes)
        for sort, step in kinds[key].steps.items():
            print(f"{resolved.run.group:60}{sort:10}{step.flops / 1e9:8.3g} GFLOP an image{step.started:7} operations a"
                  f" step{1e3 * step.seconds / step.images:8.3g} ms an image here", flush=True)  # fmt: skip
    for tflops in arguments.tflops:
        costs = {}
        for name, resolved in runs.items():
            costs[name] = cost(resolved, kinds[kind_key(resolved)], works[name], tflops, arguments.microseconds)
        print(
            f"\n{arguments.target}, {arguments.scale}: {tflops:g} TFLOP/s, {arguments.microseconds:g} us an operation"
        )
        report(runs, costs, arguments.gpus)


def report(runs: dict[str, Resolved], costs: dict[str, Cost], gpus: list[int]) -> None:
    """Print the sums of each paper and of all papers."""
    columns = "".join(f"{number:>7} GPUs" for number in gpus)
    print(f"{'':6}{'runs':>6}{'EFLOP':>8}{'CPU-hours here':>16}{'GPU-hours':>11}{'overhead':>10}{'longest run':>14}"
          f"{'chain':>12}{columns}{'disk':>9}{'checkpoint':>12}")  # fmt: skip
    for paper in (*PAPERS, "all"):
        chosen = {name: resolved for name, resolved in runs.items() if paper in (resolved.run.paper, "all")}
        if not chosen:
            continue
        sums = [costs[name] for name in chosen]
        seconds = {name: costs[name].gpu for name in chosen}
        total = sum(seconds.values())
        spans = "".join(f"{duration(plan.makespan(chosen, seconds, number)):>12}" for number in gpus)
        print(
            f"{paper:6}{len(chosen):6}{sum(run.flops for run in sums) / 1e18:8.0f}"
            f"{sum(run.cpu for run in sums) / 3600:16,.0f}{total / 3600:11,.0f}"
            f"{sum(run.overhead for run in sums) / total:10.0%}{duration(max(seconds.values())):>14}"
            f"{duration(max(plan.chain_lengths(chosen, seconds).values())):>12}{spans}"
            f"{sum(run.disk for run in sums) / 1e9:6.0f} GB{max(run.checkpoint for run in sums) / 1e6:9.0f} MB"
        )


if __name__ == "__main__":
    main()
