"""Checks whether a machine has what the user's scale needs: environment, devices, space, data, weights, TeX."""

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
from advkd.data.archives.parts import locate_parts
from advkd.errors import UserError
from advkd.files import read_json
from advkd.opening import read_text
from advkd.report.document import tex
from advkd.runs.device import expected
from advkd.settings import catalog, config, config_files
from advkd.settings.user import User

LOCK = Path("requirements.lock")
LITTLE_SPACE = 20e9  # bytes; CODEBRIM and its store take about as much
MOST_NAMED = 5  # packages


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: what was checked.
        state: "ok", "note" (works, but worth knowing) or "wrong" (must be mended first).
        message: the result, and after a note or a fault also the remedy.
    """

    name: str
    state: str
    message: str


def report(user: User) -> tuple[str, bool]:
    """Return the report as lines of text, and whether nothing is wrong."""
    checks = list(check_all(user))
    lines = [f"{check.state:<6}{check.name:<22}{check.message}" for check in checks]
    states = [check.state for check in checks]
    wrong, notes = states.count("wrong"), states.count("note")
    if wrong:
        summary = f"{wrong} to put right"
    elif notes:
        summary = f"ready, with {notes} {'note' if notes == 1 else 'notes'}"
    else:
        summary = "ready"
    lines.append(f"scale {user.scale}: {summary}")
    return "\n".join(lines), not wrong


def check_all(user: User) -> Iterator[Check]:
    """Yield every check in reading order."""
    yield check_python()
    yield check_packages()
    yield check_device(user)
    yield check_processors(user)
    yield check_space("data folder", Path(user.data_root))
    yield check_space("results folder", Path("results"))
    runs = catalog.all_runs(user).values()
    sources = {resolved.run.dataset: str(resolved.settings["data"]) for resolved in runs}
    for dataset, source in sorted(sources.items()):
        yield check_data(dataset, source, user)
    features = {resolved.features for resolved in runs}
    if "inception" in features:
        yield check_inception(user)
    if "efficientnet_lite0" in features:
        yield check_efficientnet()
    yield check_tex()


def check_python() -> Check:
    """Check the version of Python."""
    version = platform.python_version()
    if version.startswith("3.11."):
        return Check("Python", "ok", version)
    return Check("Python", "note", f"{version}; the locked packages are for 3.11: make env with python3.11")


def check_packages() -> Check:
    """Compare the installed packages with the locked ones."""
    if not LOCK.exists():
        return Check("packages", "note", f"no {LOCK} here to compare with: run advkd in the checkout's top folder")
    lines = re.findall(r"^([A-Za-z0-9_.-]+==[^\\\n]+)", read_text(LOCK), re.MULTILINE)
    requirements = [Requirement(line) for line in lines]
    locked = [package for package in requirements if package.marker is None or package.marker.evaluate()]
    different = []
    for package in locked:
        try:
            version = importlib.metadata.version(package.name)
        except importlib.metadata.PackageNotFoundError:
            different.append(f"{package.name} missing ({package.specifier})")
            continue
        if not package.specifier.contains(version):
            different.append(f"{package.name} {version} ({package.specifier})")
    if not different:
        return Check("packages", "ok", f"{len(locked)}, as locked")
    named = ", ".join(different[:MOST_NAMED]) + (", …" if len(different) > MOST_NAMED else "")
    message = f"{len(different)} of {len(locked)} differ from the locked version (in brackets): {named}: make env"
    return Check("packages", "note", message)


def check_device(user: User) -> Check:
    """Check the device that trainings will use."""
    try:
        import torch
    except ImportError as error:
        return Check("device", "wrong", f"torch cannot be imported ({error}): make env")
    wanted = expected(user.device)
    if wanted == "cuda" and not torch.cuda.is_available():
        return Check("device", "wrong", f"device {user.device}, but torch finds no CUDA device: --config device=cpu")
    if wanted == "cuda":
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return Check("device", "ok", f"{', '.join(names)}; {memory:.0f} GiB; torch {torch.__version__}")
    if user.scale in ("gpu", "paper"):
        message = f"CPU: scale {user.scale} is for a GPU: use a machine with one, or --config scale=reduced here"
        return Check("device", "note", message)
    return Check("device", "ok", "CPU")


def check_processors(user: User) -> Check:
    """Compare the number of cores with the threads of one training."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = config_files.scale_file(user.scale).threads
    message = f"{cores} cores; a training takes {threads} threads"
    if cores >= threads:
        return Check("processor", "ok", message)
    return Check("processor", "note", f"{message}: use a machine with more cores, or expect it to take longer")


def check_space(name: str, folder: Path) -> Check:
    """Check that a folder can be written to, and how much room its disk has."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return Check(name, "wrong", f"{existing} cannot be written to: change its rights, or --config data_root=DIR")
    free = shutil.disk_usage(existing).free
    if not free:
        return Check(name, "wrong", f"{existing} has no room: free some, or --config data_root=DIR")
    message = f"{folder}: {free / 1e9:.0f} GB free"
    if free > LITTLE_SPACE:
        return Check(name, "ok", message)
    return Check(name, "note", f"{message}: free some for CODEBRIM, which takes about {LITTLE_SPACE / 1e9:.0f} GB")


def check_data(name: str, source: str, user: User) -> Check:
    """Check whether a data set's archives are on this machine, and say how they will be obtained if not."""
    if source == "made":
        return Check(name, "ok", "drawn on the spot")
    if source == "folder":
        folder = Path(user.folders[name])
        if folder.is_dir():
            return Check(name, "ok", f"the folder {folder}")
        return Check(name, "wrong", f"{folder} is no folder: correct `folders`")
    dataset = registry.load(config.REGISTRY)[name]
    archives = Path(user.data_root, "archives")
    record = archives / f"{name}.json"
    if record.exists():
        return Check(name, "ok", f"fetched before: {read_json(record)['verified']}")
    if user.mirror and not Path(user.mirror).exists():
        return Check(name, "wrong", f"the mirror {user.mirror} does not exist")
    if user.mirror:
        try:
            paths = locate_parts(dataset, Path(user.mirror))
        except UserError as error:
            return Check(name, "note", str(error))
        return Check(name, "ok", f"in the mirror: {', '.join(map(str, paths))}")
    missing = [remote for remote in dataset.archives if not (archives / remote.file).exists()]
    if not missing:
        return Check(name, "ok", f"in {archives}, not verified yet")
    sizes = ", ".join(f"{remote.file} ({remote.size_text})" for remote in missing)
    return Check(name, "note", f"to be downloaded: {sizes}; or --config mirror=DIR")


def check_inception(user: User) -> Check:
    """Check whether the weights of the FID network are on this machine."""
    remote = registry.load_weights(config.REGISTRY)["inception"].archives[0]
    if user.inception_weights:
        if Path(user.inception_weights).is_file():
            return Check("FID network", "ok", user.inception_weights)
        return Check("FID network", "wrong", f"{user.inception_weights} does not exist")
    places = [Path(user.data_root, "weights", "inception.pth"), Path(user.data_root, "archives", remote.file)]
    if user.mirror:
        places.append(Path(user.mirror, remote.file))
    for path in places:
        if path.exists():
            return Check("FID network", "ok", str(path))
    return Check("FID network", "note", f"to be downloaded: {remote.file} ({remote.size_text}); or --config mirror=DIR")


def check_efficientnet() -> Check:
    """Check whether the package with the weights of EfficientNet-Lite0 is installed."""
    from advkd.metrics.efficientnet import packaged_weights

    try:
        return Check("feature network", "ok", str(packaged_weights()))
    except UserError as error:
        return Check("feature network", "wrong", str(error))


def check_tex() -> Check:
    """Check whether the programs that typeset the report's PDF are installed."""
    missing = [program for program in tex.PROGRAMS if shutil.which(program) is None]
    if not missing:
        return Check("TeX", "ok", "for the report's PDF")
    programs = " and no ".join(missing)
    return Check("TeX", "note", f"no {programs}, for the report's PDF only: apt install {tex.PACKAGES}")
