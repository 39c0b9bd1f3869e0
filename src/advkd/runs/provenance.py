"""Where a run's numbers come from: commit, packages, hardware, time and memory."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from advkd.places import IN_CHECKOUT, PACKAGE
from advkd.progress import duration

PACKAGES = ("torch", "numpy", "safetensors")


def commit() -> dict[str, Any]:
    """Return the checkout's commit and whether files differ from it; both null outside a checkout."""

    def git(*words: str) -> str | None:
        if not IN_CHECKOUT:  # an installed package may lie in a repository, but in somebody else's
            return None
        try:
            done = subprocess.run(["git", "-C", PACKAGE, *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    return {"commit": head, "changed": None if head is None else bool(git("status", "--porcelain", "-uno"))}


def machine(device: Any) -> dict[str, Any]:
    """Return what computed: processor, its visible cores, GPU if any, system and package versions."""
    import torch

    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "tf32_convolutions": device.type == "cuda" and torch.backends.cudnn.allow_tf32,
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def describe_machine(provenance: dict[str, Any]) -> str:
    """Return the machine of a run's last attempt, from its provenance.json: the GPU, or the processor and threads."""
    return _machine_of(provenance["attempts"][-1])


def describe_machines(provenance: dict[str, Any]) -> list[str]:
    """Return the machines of all attempts of a run, each once, as `describe_machine` names them."""
    return list(dict.fromkeys(_machine_of(attempt) for attempt in provenance["attempts"]))


def _machine_of(attempt: dict[str, Any]) -> str:
    return attempt["gpu"] or f"{attempt['processor']}, {attempt['threads']} of {attempt['cores']} threads"


def describe_time(provenance: dict[str, Any]) -> str:
    """Return how long a run took over all attempts, from its provenance.json: "3 h 20 min in 2 attempt(s)"."""
    return f"{duration(provenance['wall_seconds'])} in {len(provenance['attempts'])} attempt(s)"


def peak_memory_mib(device: Any) -> dict[str, int]:
    """Return this process's largest resident size so far, and the GPU's largest allocation, in MiB."""
    import torch

    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20}
    if device.type == "cuda":
        peak["gpu"] = torch.cuda.max_memory_allocated(device) >> 20
    return peak


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
