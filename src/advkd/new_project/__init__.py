"""Makes a project: a folder that works with an installed package as a checkout does."""

import contextlib
from importlib.resources import files
from pathlib import Path

from advkd.errors import UserError
from advkd.files import write_text
from advkd.opening import read_text
from advkd.places import SHIPPED

WRITTEN = {"Snakefile": "Snakefile", "README.md": "README.md", ".gitignore": "gitignore"}  # in this package's files/
COPIED = ("config/config.yaml", "config/README.md", "profiles/default/config.yaml", "profiles/slurm/config.yaml")


def make_project(folder: Path) -> list[Path]:
    """Write a project's files into `folder`, which is made if it does not exist; return them.

    Nothing is overwritten. If a file cannot be written, those that were are removed.

    Raises:
        UserError: one of the files is there already, or `folder` is no folder.
    """
    texts = {name: files(__name__).joinpath("files", source).read_text("utf-8") for name, source in WRITTEN.items()}
    texts |= {name: read_text(SHIPPED / name) for name in COPIED}
    paths = {folder / name: text for name, text in texts.items()}
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is no folder: name another place")
    if there := [str(path) for path in paths if path.exists() or path.is_symlink()]:
        raise UserError(f"{', '.join(there)} would be overwritten: name another folder, or move it away")
    with contextlib.ExitStack() as undo:
        for path, text in paths.items():
            undo.callback(path.unlink, missing_ok=True)
            write_text(path, text)
        undo.pop_all()
    return list(paths)
