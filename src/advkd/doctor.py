"""Whether a machine has what the user's scale needs, a line each: environment, devices, space, data, weights, TeX."""

import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from advkd.data import registry
from advkd.data.archives import parts
from advkd.errors import UserError
from advkd.files import read_json
from advkd.report.document import tex as document_tex
from advkd.runs import device as device_of_runs
from advkd.settings import catalog, config
from advkd.settings.user import User

LOCK = Path("requirements.lock")
LITTLE_SPACE = 20e9  # bytes; CODEBRIM and its store take about as much


@dataclass(frozen=True)
class Check:
    """One line of the report: what was looked at, whether it is "ok", worth a "note" or "wrong", and what was found."""

    name: str
    state: str
    found: str


def report(user: User) -> tuple[str, bool]:
    """Return the lines for people, and whether nothing is wrong."""
    found = list(checks(user))
    lines = [f"{one.state:<6}{one.name:<22}{one.found}" for one in found]
    wrong = sum(one.state == "wrong" for one in found)
    notes = sum(one.state == "note" for one in found)
    ready = "ready" + (f", with {notes} note{'s' * (notes > 1)}" if notes else "")
    lines.append(f"scale {user.scale}: " + (f"{wrong} to put right" if wrong else ready))
    return "\n".join(lines), not wrong


def checks(user: User) -> Iterator[Check]:
    """Yield every check in reading order."""
    yield python()
    yield packages()
    yield device(user)
    yield processors(user)
    for name, folder in (("data folder", Path(user.data_root)), ("results folder", Path("results"))):
        yield space(name, folder)
    runs = catalog.all_runs(user)
    datasets = {one.run.dataset: one.settings["data"] for one in runs.values()}
    for name, source in sorted(datasets.items()):
        yield data(name, source, user)
    if any(one.loop == "gan" and one.features.endswith("-official") for one in runs.values()):
        yield inception(user)
    yield tex()


def python() -> Check:
    """Check the version of Python."""
    found = platform.python_version()
    if found.startswith("3.11."):
        return Check("Python", "ok", found)
    return Check("Python", "note", f"{found}; the locked packages are for 3.11: make env with python3.11")


def packages() -> Check:
    """Compare the installed packages with the locked ones."""
    if not LOCK.exists():
        return Check("packages", "note", f"no {LOCK} here to compare with: run advkd in the checkout's top folder")
    lines = re.findall(r"^([A-Za-z0-9_.-]+==[^\\\n]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    locked = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    other = []
    for one in locked:
        try:
            found = importlib.metadata.version(one.name)
        except importlib.metadata.PackageNotFoundError:
            other.append(f"{one.name} missing ({one.specifier})")
            continue
        if not one.specifier.contains(found):
            other.append(f"{one.name} {found} ({one.specifier})")
    if not other:
        return Check("packages", "ok", f"{len(locked)}, as locked")
    shown = ", ".join(other[:5]) + (", …" if len(other) > 5 else "")
    return Check(
        "packages", "note", f"{len(other)} of {len(locked)} other than locked (in brackets): {shown}: make env"
    )


def device(user: User) -> Check:
    """Check the device that trainings will use."""
    try:
        import torch
    except ImportError as error:
        return Check("device", "wrong", f"torch cannot be imported ({error}): make env")
    wanted, there = device_of_runs.expected(user.device), torch.cuda.is_available()
    if wanted == "cuda" and not there:
        return Check("device", "wrong", f"device {user.device}, but torch finds no CUDA device: --config device=cpu")
    if wanted == "cuda":
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return Check("device", "ok", f"{', '.join(names)}; {memory:.0f} GiB; torch {torch.__version__}")
    slow = user.scale in ("gpu", "paper")
    if slow:
        words = f"CPU: scale {user.scale} is for a GPU: use a machine with one, or --config scale=reduced here"
        return Check("device", "note", words)
    return Check("device", "ok", "CPU")


def processors(user: User) -> Check:
    """Compare the cores with the threads of one training."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = config.scale_file(user.scale)["threads"]
    words = f"{cores} cores; a training takes {threads} threads"
    if cores >= threads:
        return Check("processor", "ok", words)
    return Check("processor", "note", f"{words}: use a machine with more cores, or expect it to take longer")


def space(name: str, folder: Path) -> Check:
    """Check that a folder can be written to, and how much room there is."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return Check(name, "wrong", f"{existing} cannot be written to: change its rights, or --config data_root=DIR")
    free = shutil.disk_usage(existing).free
    if not free:
        return Check(name, "wrong", f"{existing} has no room: free some, or --config data_root=DIR")
    words = f"{folder}: {free / 1e9:.0f} GB free"
    if free > LITTLE_SPACE:
        return Check(name, "ok", words)
    return Check(name, "note", f"{words}: free some for CODEBRIM, which takes about {LITTLE_SPACE / 1e9:.0f} GB")


def data(name: str, source: str, user: User) -> Check:
    """Check whether a data set is here, and what will happen if not."""
    if source == "made":
        return Check(name, "ok", "drawn on the spot")
    if source == "folder":
        folder = Path(user.folders[name])
        if folder.is_dir():
            return Check(name, "ok", f"the folder {folder}")
        return Check(name, "wrong", f"{folder} is no folder: correct `folders`")
    dataset = registry.load(config.REGISTRY)[name]
    record = Path(user.data_root, "archives", f"{name}.json")
    if record.exists():
        return Check(name, "ok", f"found before: {read_json(record)['verified']}")
    if user.mirror and not Path(user.mirror).exists():
        return Check(name, "wrong", f"the mirror {user.mirror} does not exist")
    if user.mirror:
        try:
            found = parts.locate(dataset, Path(user.mirror))
        except UserError as error:
            return Check(name, "note", str(error))
        return Check(name, "ok", f"in the mirror: {', '.join(map(str, found))}")
    kept = [remote for remote in dataset.archives if Path(user.data_root, "archives", remote.file).exists()]
    if len(kept) == len(dataset.archives):
        return Check(name, "ok", f"in {user.data_root}/archives, not verified yet")
    sizes = ", ".join(f"{remote.file} ({remote.size_text})" for remote in dataset.archives if remote not in kept)
    return Check(name, "note", f"to be downloaded: {sizes}; or --config mirror=DIR")


def inception(user: User) -> Check:
    """Check the FID network's weights."""
    remote = registry.weights(config.REGISTRY)["inception"].archives[0]
    places = [Path(user.data_root, "weights", "inception.pth"), Path(user.data_root, "archives", remote.file)]
    places += [Path(user.mirror, remote.file)] if user.mirror else []
    if named := user.inception_weights:
        state, words = ("ok", named) if Path(named).is_file() else ("wrong", f"{named} does not exist")
        return Check("FID network", state, words)
    if found := next((path for path in places if path.exists()), None):
        return Check("FID network", "ok", str(found))
    return Check("FID network", "note", f"to be downloaded: {remote.file} ({remote.size_text}); or --config mirror=DIR")


def tex() -> Check:
    """Check what the report's PDF needs."""
    lacking = [name for name in document_tex.PROGRAMS if shutil.which(name) is None]
    if not lacking:
        return Check("TeX", "ok", "for the report's PDF")
    return Check(
        "TeX", "note", f"no {' and no '.join(lacking)}, for the report's PDF only: apt install {document_tex.PACKAGES}"
    )
