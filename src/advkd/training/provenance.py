"""Where a run's numbers come from: code, packages, hardware, time and memory."""

import hashlib
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import advkd

PACKAGE = Path(advkd.__file__).parent
TRAINING_CODE = ("models", "methods", "training")
PACKAGES = ("torch", "numpy", "safetensors")


@cache
def code_hash(*parts: str) -> str:
    """Return a digest of the source files in these parts of the package, by default of those that training runs.

    What recorded another digest was made by other code.
    """
    found = hashlib.sha256()
    for part in parts or TRAINING_CODE:
        for path in sorted((PACKAGE / part).glob("*.py")):
            found.update(f"{part}/{path.name}\0".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def commit() -> dict[str, Any]:
    """Return the checkout's commit and whether files differ from it; both null outside a checkout."""

    def git(*words: str) -> str | None:
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
        # PyTorch lets float32 convolutions use TF32 where a GPU has it; the papers' GPUs had none.
        "tf32_convolutions": device.type == "cuda" and torch.backends.cudnn.allow_tf32,
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


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
