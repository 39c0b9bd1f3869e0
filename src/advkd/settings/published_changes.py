"""Which files of published numbers differ from those of this version of the package.

`paper/published.sha256` has the checksum of each file, in the form of `sha256sum`. `tests/test_published.py` keeps it
up to date. A file that it does not name is a table that the user added.
"""

import hashlib
from pathlib import Path

from advkd.errors import UserError
from advkd.opening import read_text
from advkd.places import find

CHECKSUMS = Path("paper/published.sha256")


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a text file whose lines end as on Unix, however they end in this checkout."""
    return hashlib.sha256(read_text(path).encode()).hexdigest()


def changed_files() -> list[str]:
    """Return the files of this version that are changed or missing in the checkout, without `.csv`.

    There are none where the checkout has no checksums.

    Raises:
        UserError: the file of checksums, or a file that it names, is no text.
    """
    changed = []
    try:
        for line in read_text(find(CHECKSUMS)).splitlines():
            checksum, _, name = line.partition("  ")
            path = find(Path(name))
            if not path.exists() or checksum_of(path) != checksum:
                changed.append(path.stem)
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise UserError(f"{CHECKSUMS}, or a file that it names, cannot be read: {error}") from None
    return changed
