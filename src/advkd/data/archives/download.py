"""Downloading a large file so that a cut connection costs nothing and nothing unverified takes its name."""

import contextlib
import email.utils
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from advkd.errors import UserError
from advkd.progress import Progress

CHUNK = 1 << 16  # bytes
MIB = 1 << 20
TIMEOUT = (20, 60)  # seconds to connect, to wait for the next bytes
PAUSE = 1.0  # seconds after a connection broke off, doubled each time that brought nothing
TRIES = 5
LONGEST = 60  # seconds to wait at most where a busy server names a time; it may name hours
OUT_OF_ORDER = (429, 500, 502, 503, 504)
PACKED = (".gz", ".tgz")


class _WrongFileError(Exception):
    """What arrived is not the published file."""


class _NoFileError(requests.RequestException):
    """The server answers something that is no file."""


def download(url: str, target: Path, checksum: str | None, size: int | None) -> None:
    """Download `url` to `target`, going on where an earlier try stopped.

    What has arrived is kept in `target`.part until it is complete (of `size` bytes, if that is given) and has the
    `checksum` ("md5:…" or "sha256:…"; None: none is known). A process that dies at any moment leaves that file alone.

    Raises:
        UserError: no connection, an answer that is not the file, no room, or a wrong checksum or size, for which the
            part is deleted.
    """
    part = target.with_name(target.name + ".part")
    elsewhere = f"give a folder that holds {target.name}: --config mirror=DIR"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part) as file:
            _Transfer(url, file, part.stem, size, verifiable=checksum is not None).run()
            _verify(part, checksum, size)
            os.fsync(file)
            part.replace(target)
    except (requests.RequestException, ValueError) as error:  # the latter: requests, of a malformed redirect
        raise UserError(
            f"cannot download {url} ({_reason(error)}): what has arrived is kept in {part}, start again to resume, or "
            f"{elsewhere}"
        ) from error
    except _WrongFileError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"{url} is not the published file ({error}): it is deleted, start again to download it anew, or {elsewhere}"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write {part} ({error.strerror or error}): make room, start again to resume") from error


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """Yield `part`, opened to go on at its end, while no other process does so."""
    busy = UserError(f"{part} is being downloaded by another process: wait for it")
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        # between the two lines above it may have been completed, and is then the file itself
        if not part.exists() or not os.path.samestat(os.fstat(file.fileno()), part.stat()):
            raise busy
        yield file


class _Transfer:
    """A file of `size` bytes (None: not known) on its way from `url` to the end of `file`.

    verifiable: whether an early end would be noticed afterwards.
    """

    def __init__(self, url: str, file: BinaryIO, name: str, size: int | None, *, verifiable: bool) -> None:
        self.url, self.file, self.name, self.size, self.verifiable = url, file, name, size, verifiable
        self.version: tuple | None = None  # by what the server tells the file that it began to send from others

    def run(self) -> None:
        """Collect the file, in as many connections as it takes, while one of `TRIES` brings more than was ever there.

        Raises:
            requests.RequestException: it does not come.
            _WrongFileError: it is longer or shorter than it should be.
        """
        retry = Retry(TRIES, backoff_factor=PAUSE / 2, status_forcelist=OUT_OF_ORDER, retry_after_max=LONGEST)
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            fruitless, farthest = 0, self._have
            while not self._is_complete(session):
                fruitless = 0 if self._have > farthest else fruitless + 1
                if fruitless == TRIES:
                    raise requests.ConnectionError
                farthest = max(farthest, self._have)
                time.sleep(PAUSE * 2**fruitless)

    @property
    def _have(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def _is_complete(self, session: requests.Session) -> bool:
        """Add what the server sends; False if the connection broke off before the end, or must start over."""
        have = self._have
        if have == self.size:
            return True
        # identity: a compressed answer would count other bytes
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with session.get(self.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range", "").endswith(f"/{have}"):
                return True
            if answer.status_code == 416:
                return self._start_over()
            answer.raise_for_status()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                raise _NoFileError("the server answers with a web page")
            packed = answer.headers.get("Content-Encoding", "identity") != "identity" and not self.url.endswith(PACKED)
            start, total = _place(answer)
            version = (answer.headers.get("ETag"), total)
            if start and (start != have or packed or self.version not in (None, version) or self._is_newer(answer)):
                return self._start_over()
            if not start:
                self.file.truncate(0)
            self.version = version
            total = self.size if packed or total is None else total
            if total is None and not self.verifiable and "chunked" not in answer.headers.get("Transfer-Encoding", ""):
                raise _NoFileError("the server does not say how long the file is")
            self._check_length(total or 0)
            return self._receive(answer, start, total, packed)

    def _receive(self, answer: requests.Response, have: int, total: int | None, packed: bool) -> bool:
        progress = Progress(self.name, (total or 0) // MIB, "MiB", start=have // MIB)
        try:
            # as it comes: what a full buffer waits for is lost when the connection breaks off
            while piece := answer.raw.read1(CHUNK, decode_content=packed):
                self.file.write(piece)
                have += len(piece)
                self._check_length(have)
                progress.update(have // MIB)
        except HTTPError:
            return False
        finally:
            progress.close()
            self.file.flush()
        return total is None or have >= total

    def _start_over(self) -> bool:
        self.file.truncate(0)
        self.version = None
        return False

    def _is_newer(self, answer: requests.Response) -> bool:
        """Return whether the file on the server changed after the last of ours arrived."""
        try:
            changed = email.utils.parsedate_to_datetime(answer.headers.get("Last-Modified", "")).timestamp()
        except (ValueError, OverflowError):
            return False
        return changed > os.fstat(self.file.fileno()).st_mtime

    def _check_length(self, length: int) -> None:
        if self.size is not None and length > self.size:
            raise _WrongFileError(f"{length:,} bytes in place of {self.size:,}")


def _place(answer: requests.Response) -> tuple[int, int | None]:
    """Return where in the file an answer begins, -1 if that is unknown, and how long the file is, None likewise."""
    length = answer.headers.get("Content-Length", "")
    if answer.status_code != 206:
        return 0, int(length) if length.isdecimal() else None
    given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    if given is None:
        return -1, None
    return int(given[1]), int(given[2]) if given[2] != "*" else None


def _verify(part: Path, checksum: str | None, size: int | None) -> None:
    if size not in (None, part.stat().st_size):
        raise _WrongFileError(f"{part.stat().st_size:,} bytes in place of {size:,}")
    if checksum is not None:
        algorithm = checksum.partition(":")[0]
        with part.open("rb") as file:
            found = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
        if found != checksum:
            raise _WrongFileError(f"{found} in place of {checksum}")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.RetryError):
        return "the server is out of order"
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it keeps breaking off"
    return " ".join(str(error).split()).partition(". ")[0]
