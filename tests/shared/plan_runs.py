"""Finished runs of the plan of tests, paper/evidence.yaml, whose numbers a test chooses."""

import statistics
from collections.abc import Mapping, Sequence

import gip_runs

from advkd.files import read_json, write_json
from advkd.runs.lookup import folder_of
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.user import User

IMAGES = 1000  # of a classifier's evaluation
FEATURES = {
    "features": "efficientnet_lite0", "dims": 1280, "n_real": 250, "n_held_out": 250, "n_fake": 250,
    "rank_deficient": True, "fid_leads": False,
}  # fmt: skip


def train_classifiers(user: User, group: str, right: Sequence[int], seconds: float = 600) -> None:
    """Finish a run for each number of right images of IMAGES, from seed 0 on, and the runs that it learns from."""
    for seed, number in enumerate(right):
        run = config.resolve(f"{group}/seed{seed}", user)
        for parent in run.parents.values():
            if not folder_of(parent).has("result.json"):
                gip_runs.finish(parent, 800, images=IMAGES)
                time(parent, seconds)
        gip_runs.finish(run, number, images=IMAGES)
        time(run, seconds)


def train_gans(user: User, group: str, kids: Sequence[Mapping[str, float]], seconds: float = 600) -> None:
    """Finish and evaluate a GAN for each mapping of generators to KIDs, from seed 0 on."""
    for seed, of_generators in enumerate(kids):
        run = config.resolve(f"{group}/seed{seed}", user)
        gip_runs.CLASSES.setdefault("codebrim", 6)
        gip_runs.leave(run, status="done", steps=run.settings["iterations"], sha256={})
        values = {f"kid.{name}": kid for name, kid in of_generators.items()}
        values |= {f"kid_se.{name}": 0.001 for name in of_generators}
        values |= {f"fid.{name}": 1000 * kid for name, kid in of_generators.items()}
        for measure, factor in (("kid", 1), ("fid", 1000)):
            values[f"{measure}.mean"] = factor * statistics.fmean(of_generators.values())
            values[f"{measure}.mixture"] = factor * min(of_generators.values())
        metrics = {"status": "done", "values": values, "meta": FEATURES, "evaluated": {"code": "0" * 12}}
        write_json(folder_of(run).path / "metrics.json", metrics)
        time(run, seconds)


def time(run: Resolved, seconds: float) -> None:
    """Let a run's provenance say its name and that it took so long."""
    path = folder_of(run).path / "provenance.json"
    provenance = read_json(path)
    provenance["result"]["run"] = str(run.run)
    write_json(path, {**provenance, "wall_seconds": seconds})
