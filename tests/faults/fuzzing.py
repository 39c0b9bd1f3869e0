"""Makes damaged input, and checks its readers: they return a value or raise a UserError of one line, and write nothing.

For fifty times as many examples, which differ every time:

    FUZZ=50 python -m pytest tests/faults/test_fuzz.py tests/faults/test_fuzz_results.py
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from advkd.errors import MAX_LENGTH, UserError

TIMES = int(os.environ.get("FUZZ", "1"))
SECONDS = 300  # time limit of an example, also on a busy machine
CHANGING = {
    "open", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod",
    "os.system", "os.exec", "shutil.rmtree", "shutil.move", "socket.connect",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
TOKENS = (
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\n", b"\r", b" ", b"\t", b",", b'"', b"'", b"/", b"..", b"../", b"-1", b"0",
    b"9" * 30, b"9" * 5000, b"1e999", b"nan", b"null", b"true", b"[", b"]", b"{", b"}", b"(", b":", b"- ", b"&a", b"*a",
    b"!!python/name:os.system", b"<", b"</", b">", b"&amp;", b"&x;", b"%", b"$", b"\\", b"\xc3\xa9", b"\xed\xa0\x80",
    b"[" * 3000, b"<a>" * 3000,
)  # fmt: skip

_allowed: list[str] = []  # prefixes of the paths that may be changed now; empty: nothing is watched
_changed: list[str] = []


def _watch(event: str, arguments: tuple) -> None:
    if not _allowed or event not in CHANGING or isinstance(arguments[0], int):
        return
    if event == "open" and not (arguments[2] or 0) & WRITING:
        return
    if not str(Path.cwd() / os.fsdecode(arguments[0])).startswith((*_allowed, os.devnull)):
        _changed.append(f"{event} {arguments}")


sys.addaudithook(_watch)


def examples(count: int):
    """Return settings for `count` examples. With `FUZZ` there are more examples, and they differ every time."""
    return settings(
        max_examples=count * TIMES, derandomize=TIMES == 1, deadline=None, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=set(Phase) - {Phase.explain},  # explain would repeat a failed example many times, each for up to SECONDS
    )  # fmt: skip


@contextlib.contextmanager
def checked(*folders: Path) -> Iterator[None]:
    """Check that the body raises only UserErrors of one line, ends in time, and changes nothing outside `folders`."""

    def raise_timeout(*_):
        raise AssertionError(f"not finished after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, raise_timeout)
    signal.alarm(SECONDS)
    _allowed[:] = [*map(str, folders)] or ["nowhere"]
    try:
        yield
    except UserError as error:
        assert "\n" not in str(error) and 0 < len(str(error)) <= MAX_LENGTH, error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        _allowed.clear()
        changed, _changed[:] = list(_changed), []
    assert not changed, changed


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy for `data` with one to four edits: bytes flipped, cut out, repeated or replaced by `TOKENS`."""
    positions = st.integers(0, len(data))
    edit = st.one_of(
        st.tuples(st.just("flip"), positions, st.integers(1, 255)),
        st.tuples(st.just("put"), positions, st.sampled_from(TOKENS), st.integers(0, 12)),
        st.tuples(st.just("cut"), positions, st.integers(1, 400)),
        st.tuples(st.just("end"), positions),
        st.tuples(st.just("copy"), positions, positions, st.integers(1, 200)),
    )
    return st.lists(edit, min_size=1, max_size=4).map(lambda edits: _edited(data, edits))


def _edited(data: bytes, edits: list[tuple]) -> bytes:
    for kind, position, *more in edits:
        if kind == "flip" and position < len(data):
            data = data[:position] + bytes([data[position] ^ more[0]]) + data[position + 1 :]
        elif kind == "put":
            data = data[:position] + more[0] + data[position + more[1] :]
        elif kind == "cut":
            data = data[:position] + data[position + more[0] :]
        elif kind == "end":
            data = data[:position]
        elif kind == "copy":
            data = data[:position] + data[more[0] : more[0] + more[1]] + data[position:]
    return data
