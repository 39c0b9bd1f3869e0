"""Collecting what is faulty in a data set, so that one pass names all of it."""

from collections.abc import Mapping
from pathlib import Path

from advkd.errors import UserError
from advkd.progress import say


class Faults:
    """The faulty files of a data set, or faulty entries of files. Each is printed when it is added.

    Args:
        path: the data set, for messages.
        name: the data set's name, as in the setting `tolerate`.
        tolerated: how many faults the user goes on without.
        what: what the data set consists of, in the plural, for messages.

    Attributes:
        read: how many were read, faulty or not; who reads them counts them.
    """

    def __init__(self, path: Path, name: str, tolerated: int = 0, what: str = "files") -> None:
        self.read = 0
        self._path, self._name, self._tolerated, self._what = path, name, tolerated, what
        self._subjects: list[str] = []
        self._published = 0
        self._share = 0.0

    def add(self, subject: str, reason: str, share: float = 0.0) -> None:
        """Note and print that `subject`, for example a file, is faulty, and why.

        Args:
            subject: what is faulty.
            reason: why.
            share: above 0 for a fault that the data set may have as it is published: so large a fraction of all may
                have such faults, whatever the user tolerates.
        """
        say(f"faulty: {subject}: {reason}")
        self._subjects.append(subject)
        self._published += share > 0
        self._share = max(self._share, share)

    def names(self) -> list[str]:
        """Return the sorted names of what is faulty."""
        return sorted(self._subjects)

    def settle(self) -> None:
        """Refuse the data set if there are too many faults.

        Raises:
            UserError: more are faulty than may be.
        """
        count = len(self._subjects)
        needed = count if self._published > self._share * self.read else count - self._published
        if needed > self._tolerated:
            raise UserError(
                f"{self._path}: {count} of {self.read} {self._what} are faulty; each is named above, the first is "
                f"{self._subjects[0]}; correct them, or go on without them: "
                f"--config 'tolerate={{{self._name}: {needed}}}'"
            )
        if count:
            say(f"{self._path}: {count} of {self.read} {self._what} are faulty and left out")


def left_out_of(origin: Mapping[str, str | None], faults: Faults) -> dict[str, str | int | None]:
    """Return what a store says about its source, with "left_out": how many faulty files or boxes it goes without."""
    count = len(faults.names())
    return {**origin, "left_out": count} if count else dict(origin)
