"""Trains a Baseline on a part of the training images only, so that a scale's schedule can be chosen before any result.

    python benchmarks/choose_schedule.py RUN STORE --scale small [KEY=VALUE,VALUE ...] [--out schedule.csv]

A fifth of STORE's training images, the same for every training, takes the place of the evaluation images, which
nobody looks at. RUN is trained with every combination of the values, for example `epochs=10,20 lr=0.05,0.1`. Each
training appends a line to the CSV: the values, the errors in % after the last epoch, and the minutes of one core.
Trainings whose line is there are not repeated.
"""

import argparse
import csv
import dataclasses
import itertools
import time
from pathlib import Path

import numpy as np
import torch
import yaml

from advkd.data.store import Store
from advkd.methods.settings.baseline import BaselineSettings
from advkd.runs.allocator import keep_freed_memory
from advkd.settings import config
from advkd.training import classifier

SHARE, SEED = 5, 2022


class Unkept:
    """A session that keeps nothing but the history."""

    def __init__(self, resolved: config.Resolved) -> None:
        self.document, self.settings = resolved.document(), resolved.typed
        self.device, self.generation, self.parents = torch.device("cpu"), 0, {}
        self.step, self.history = 0, []

    def resume(self) -> None:
        """There is nothing to resume."""

    def save(self, *_) -> None:
        """Keep nothing."""

    save_if_due = write_weights = write_arrays = save


def part(store: Store) -> Store:
    """Return a store whose evaluation images are a fifth of the training images, drawn with a seed."""
    order = np.random.default_rng(SEED).permutation(len(store.images))
    held_out, training = np.sort(order[: len(order) // SHARE]), np.sort(order[len(order) // SHARE :])
    return dataclasses.replace(
        store,
        images=store.images[training],
        labels=store.labels[training],
        held_out=store.images[held_out],
        held_out_labels=store.labels[held_out],
        sizes=None if store.sizes is None else store.sizes[training],
        held_out_sizes=None if store.sizes is None else store.sizes[held_out],
    )


def train(run: str, scale: str, values: dict[str, object], store: Store) -> dict[str, object]:
    """Train `run` with `values`; return its errors in % and the minutes that it took."""
    paper = run.split("/")[0]
    resolved = config.resolve(run, config.user({"scale": scale, "override": {paper: values}}))
    if not isinstance(resolved.typed.method, BaselineSettings):
        raise SystemExit(f"{run}: a schedule is chosen for Baseline alone")
    torch.set_num_threads(1)
    session, start = Unkept(resolved), time.process_time()
    classifier.train(session, store)
    minutes = (time.process_time() - start) / 60
    last = session.history[-1]
    return {"train_error": last["train_error"], "held_out_error": last["valid_error"], "minutes": f"{minutes:.1f}"}


def main() -> None:
    """Train every combination that has no line yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("store", type=Path)
    parser.add_argument("values", nargs="*")
    parser.add_argument("--scale", default="small")
    parser.add_argument("--out", type=Path, default=Path("schedule.csv"))
    arguments = parser.parse_args()
    keep_freed_memory()
    store = part(Store.open(arguments.store))
    choices = {key: words.split(",") for key, _, words in (text.partition("=") for text in arguments.values)}
    done = list(csv.DictReader(arguments.out.open())) if arguments.out.exists() else []
    for combination in itertools.product(*choices.values()):
        named = {"run": arguments.run, "values": " ".join(map("=".join, zip(choices, combination, strict=True)))}
        if any(named.items() <= row.items() for row in done):
            continue
        values = {key: yaml.safe_load(word.replace(";", ",")) for key, word in zip(choices, combination, strict=True)}
        row = named | train(arguments.run, arguments.scale, values, store)
        with arguments.out.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if not file.tell():
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


if __name__ == "__main__":
    main()
