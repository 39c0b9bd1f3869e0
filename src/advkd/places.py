"""Finds the files that come with the package: the Snakefile, `config/`, `paper/`, `workflow/` and `profiles/`.

In a checkout they lie at its top. A wheel brings them along inside the package. The working folder comes first: a file
of the same name in it takes the place of the one that came with the package.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = PACKAGE / "shipped"  # hatch_build.py puts the files here in a wheel
IN_CHECKOUT = not INSTALLED.is_dir()
SHIPPED = PACKAGE.parents[1] if IN_CHECKOUT else INSTALLED


def find(name: Path) -> Path:
    """Return where the file `name` is: as it stands if something lies there, otherwise where it came with the package.

    Args:
        name: a path below the working folder, as `config/okd.yaml`; an absolute path is returned as it is.
    """
    return name if os.path.lexists(name) else SHIPPED / name


def find_all(folder: Path, pattern: str) -> list[Path]:
    """Return the files of `folder` that match `pattern`, each once, sorted by name; `find` says which one counts."""
    names = {path.name for place in (folder, SHIPPED / folder) for path in place.glob(pattern)}
    return [find(folder / name) for name in sorted(names)]
