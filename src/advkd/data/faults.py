"""Collecting what is faulty in a data set, so that one pass names all of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from advkd.errors import UserError
from advkd.progress import say


class Faults:
    """The faulty files of a data set, or faulty entries of files. Each is printed when it is first added.

    However often a file is read or found faulty, it counts once.

    Args:
        path: the data set, for messages.
        name: the data set's name, as in the setting `tolerate`.
        tolerated: how many faults the user goes on without.
        what: what the data set consists of, in the plural, for messages.
    """

    def __init__(self, path: Path, name: str, tolerated: int = 0, what: str = "files") -> None:
        self._path, self._name, self._tolerated, self._what = path, name, tolerated, what
        self._shares: dict[str, float] = {}  # by what was read
        self._published: dict[str, bool] = {}  # by what is faulty

    @property
    def read(self) -> int:
        """How many were read, faulty or not."""
        return len(self._shares)

    def see(self, subjects: Iterable[str], share: float = 0.0) -> None:
        """Note what is read: files, or entries of files.

        Args:
            subjects: their names.
            share: the fraction of them that may have faults as published, whatever the user tolerates.
        """
        self._shares.update(dict.fromkeys(subjects, share))

    def add(self, subject: str, reason: str, published: bool = False) -> None:
        """Note and print that `subject` is faulty, and why.

        Args:
            subject: what is faulty; it was noted as read.
            reason: why.
            published: whether the data set may have this fault as it is published.
        """
        if subject not in self._published:
            say(f"faulty: {subject}: {reason}")
            self._published[subject] = published

    def names(self) -> list[str]:
        """Return the sorted names of what is faulty."""
        return sorted(self._published)

    def settle(self) -> None:
        """Refuse the data set if there are too many faults.

        Raises:
            UserError: more are faulty than may be.
        """
        count, published = len(self._published), sum(self._published.values())
        may_be = sum(share * number for share, number in Counter(self._shares.values()).items())
        needed = count if published > may_be else count - published
        if needed > self._tolerated:
            raise UserError(
                f"{self._path}: {count} of {self.read} {self._what} are faulty; each is named above, the first is "
                f"{next(iter(self._published))}; correct them, or go on without them: "
                f"--config 'tolerate={{{self._name}: {needed}}}'"
            )
        if count:
            say(f"{self._path}: {count} of {self.read} {self._what} are faulty and left out")


def left_out_of(origin: Mapping[str, str | None], faults: Faults) -> dict[str, str | int | None]:
    """Return what a store says about its source, with "left_out": how many faulty files or boxes it goes without."""
    count = len(faults.names())
    return {**origin, "left_out": count} if count else dict(origin)
