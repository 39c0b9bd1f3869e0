"""Errors that are printed as one line instead of a traceback: bad input, and what the machine lacks or refuses."""

import errno
import re

REFUSED = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EMFILE,
    errno.ENFILE, errno.EFBIG, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS,
    # A folder in a file's place, a file in a folder's place, links in a circle.
    errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG,
)  # fmt: skip
# How torch reports that memory ran out: on a CPU (its allocator, oneDNN) and on a GPU (CUDA, cuBLAS).
NO_MEMORY = re.compile(r"can't allocate memory|could not create a primitive$|out of memory|ALLOC_FAILED")
MAX_LENGTH = 4000  # characters of a message: it should fit on a screen
MEMORY_REMEDY = (
    "give it more (a larger machine, fewer jobs side by side); a training takes less with"
    " --config 'override={PAPER: {batch: …}}', which makes it another run"
)


class UserError(Exception):
    """Bad input. The message is one line that says what is wrong, where, and what to do about it.

    The command line prints the message without a traceback and exits with status 2. The middle of a message that is
    longer than MAX_LENGTH is left out, so that it keeps its beginning and its remedy.
    """

    def __str__(self) -> str:
        message = super().__str__()
        if len(message) <= MAX_LENGTH:
            return message
        return f"{message[: MAX_LENGTH // 2 - 2]} … {message[-MAX_LENGTH // 2 + 1 :]}"


class CannotWrite(UserError):
    """A file cannot be written. `strerror` gives the reason, as it does for an OSError."""

    def __init__(self, path: object, reason: str | None) -> None:
        super().__init__(f"{path} cannot be written: {reason}")
        self.strerror = reason


class NotAFile(UserError, OSError):
    """Something else lies where a file should: a pipe, a socket, a folder or a device. `kind` says what, in words."""

    def __init__(self, path: object, kind: str) -> None:
        super().__init__(f"{path} is {kind}, not a file: move it away")
        self.kind, self.strerror = kind, f"it is {kind}, not a file"


def machine_fault(error: BaseException) -> str:
    """Return in one line which resource an error says the machine lacks or refuses.

    Returns "" for any other error. Resources are memory, disk space, open files and access to a file.
    """
    if _is_out_of_memory(error):
        # torch adds the state of its allocator after the first sentence.
        first_sentence = str(error).partition("\n")[0].partition(". Tried")[0]
        details = f" ({first_sentence})" if first_sentence else ""
        return f"out of memory{details}: {MEMORY_REMEDY}"
    if isinstance(error, OSError) and error.errno in REFUSED:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return ""


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(NO_MEMORY.search(str(error))))
