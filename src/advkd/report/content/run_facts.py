"""The facts about one training, from its result.json and provenance.json, as (name, value) pairs.

The page shows them in a run's dialog, and `advkd explain` prints them.
"""

from typing import Any

from advkd.artifacts.data_sources import describe_data
from advkd.runs.folder_names import MODEL
from advkd.runs.provenance import describe_machine, describe_time
from advkd.runs.state import Ending, ending
from advkd.settings.config import Resolved

Facts = list[tuple[str, str]]


def result_facts(resolved: Resolved, result: dict[str, Any]) -> Facts:
    """Return the facts of result.json: how the training ended, its settings' hash, and its files' checksums."""
    if result["status"] == Ending.DONE:
        outcome = ["done"]
        outcome += [f"{result[key]} {key}" for key in ("epochs", "steps") if key in result]
        if "best_epoch" in result:
            outcome.append(f"best epoch {result['best_epoch']}")
    else:
        outcome = [f"{result['status']} {ending(result)}"]
    facts = [("outcome", ", ".join(outcome))]
    if result["config_hash"] != resolved.hash:
        facts.append(
            ("other settings", "the numbers, curves and files below belong to the settings in its config.yaml")
        )
    facts.append(("configuration", result["config_hash"]))
    for name, checksum in sorted(result["sha256"].items()):
        facts.append((f"sha256 {name}", checksum))
    if not result["sha256"]:
        facts.append(("sha256 model", f"none ({result['status']})"))
    return facts


def provenance_facts(provenance: dict[str, Any]) -> Facts:
    """Return the facts of provenance.json: data, parents, code, machine, packages, time and memory."""
    data, attempt = provenance["data"], provenance["attempts"][-1]
    commit = attempt["commit"] or "unknown (no checkout)"
    if attempt["changed"]:
        commit += " with changes"
    packages = [f"Python {attempt['python']}"]
    packages += [f"{name} {version}" for name, version in attempt["packages"].items()]
    memory = [f"{mebibytes} MiB {kind}" for kind, mebibytes in provenance["peak_memory_mib"].items()]
    return [
        ("data", f"{data['store']}: {describe_data(data)}"),
        ("sha256 images.npy", data["sha256"]["images.npy"]),
        *generated_facts(data.get("generated", {})),
        *parent_facts(data.get("parents", {})),
        *start_facts(data.get("start", {})),
        ("command", attempt.get("command") or "not recorded"),
        ("code", f"{provenance['code']}, commit {commit}"),
        ("machine", describe_machine(provenance)),
        ("packages", ", ".join(packages)),
        ("began", attempt["began"]),
        ("time", describe_time(provenance)),
        ("peak memory", ", ".join(memory)),
    ]


def generated_facts(generated: dict[str, Any]) -> Facts:
    """Return how many training images are generated, and by which runs, with the checksum of what these come from."""
    if not generated:
        return []
    counted = f"{generated['images']} of the training images; {generated['like_real']} look like a real one"
    return [
        ("generated", counted),
        *(("images of", f"{run}, {checksum}") for run, checksum in generated["runs"].items()),
    ]


def start_facts(start: dict[str, str]) -> Facts:
    """Return the weights that a training began with, which need not be a run's."""
    return [("start", f"began with the weights of {start['name']}, sha256 {start['sha256']}")] if start else []


def parent_facts(parents: dict[str, dict[str, Any]]) -> Facts:
    """Return the runs that a training started from or learned from, with the checksum of their weights, by role."""
    facts = []
    for role, parent in parents.items():
        verb = "started from" if role == "start" else "learned from"
        weights = parent["sha256"].get(MODEL, "none")
        facts.append((role, f"{verb} {parent['run']}, weights {weights}"))
    return facts
