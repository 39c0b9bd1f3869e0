"""The counted cost of a kind of run, which is kept on disk: counting takes a while."""

import contextlib
import os
import platform
from dataclasses import asdict
from functools import cache
from pathlib import Path

from advkd.damage import attempt
from advkd.files import digest, read_json, write_json
from advkd.progress import say
from advkd.runs.kinds import Kind, Step, kind_key
from advkd.runs.lookup import code_today
from advkd.settings.config import Resolved
from advkd.settings.user import User


def kind_of(resolved: Resolved, classes: int, user: User) -> Kind:
    """Return the counted cost of a run's steps: what was counted before by today's code on this machine, or now.

    Args:
        resolved: the run.
        classes: of its data set.
        user: the user's configuration, whose `data_root` keeps what was counted.
    """
    here = [platform.node(), os.cpu_count(), resolved.threads]
    key = digest([repr(kind_key(resolved)), classes, code_today(resolved), here])
    file = Path(user.data_root, "counted", f"{key}.json")
    kept, _ = attempt(lambda: _read(file))
    if kept:
        return kept
    import torch

    from advkd.runs import counting

    _announce(file.parent)
    torch.set_num_threads(resolved.threads)
    kind = counting.count(resolved, classes)
    with contextlib.suppress(OSError):  # then it is counted again
        write_json(file, asdict(kind))
    return kind


@cache
def _announce(folder: Path) -> None:
    """Say once in a process what takes the time."""
    say(f"counting a step of each kind of run that nothing like has run yet; {folder} keeps the results …")


def _read(file: Path) -> Kind | None:
    if not file.exists():
        return None
    content = read_json(file)
    steps = {name: Step(**step) for name, step in content.pop("steps").items()}
    return Kind(steps, **content)
