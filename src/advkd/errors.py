"""What is told in one line instead of a traceback: bad input, and what the machine lacks or refuses."""

import errno
import re

REFUSED = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EMFILE,
    errno.ENFILE,
)  # fmt: skip
# What a RuntimeError of torch says where a CPU's memory ends (its own allocator, oneDNN), and a GPU's (CUDA, cuBLAS).
NO_MEMORY = re.compile(r"can't allocate memory|could not create a primitive$|out of memory|ALLOC_FAILED")
LONGEST = 4000  # characters: what is told should fit a screen
LESS = (
    "give it more (a larger machine, fewer jobs side by side); a training takes less with"
    " --config 'override={PAPER: {batch: …}}', which makes it another run"
)


class UserError(Exception):
    """Bad input, told in one line: what is wrong, where, and what to do about it.

    The command line prints the line without a traceback and exits with status 2. Where the line names a long input, its
    middle is left out.
    """

    def __str__(self) -> str:
        said = super().__str__()
        if len(said) <= LONGEST:
            return said
        return f"{said[: LONGEST // 2 - 2]} … {said[-LONGEST // 2 + 1 :]}"


class CannotWrite(UserError):
    """A file cannot be written; `strerror` says why, as that of an OSError does."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.strerror = reason


def lacking(error: BaseException) -> str:
    """Return in one line what the machine lacks or refuses (memory, room, access), or "" where `error` is another."""
    if _is_out_of_memory(error):
        first = str(error).partition("\n")[0].partition(". Tried")[0]  # torch goes on about its allocator
        said = f" ({first})" if first else ""
        return f"out of memory{said}: {LESS}"
    if isinstance(error, OSError) and error.errno in REFUSED:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return ""


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(NO_MEMORY.search(str(error))))
