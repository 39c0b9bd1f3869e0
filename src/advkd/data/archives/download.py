"""Downloading a large file: an interrupted download resumes, and only a verified file gets its final name."""

import contextlib
import email.utils
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

from advkd.data.registry import RemoteFile
from advkd.errors import UserError
from advkd.locks import try_hold
from advkd.opening import open_file, open_to_append
from advkd.progress import Progress, say

CHUNK = 1 << 16  # bytes read at a time
MIB = 1 << 20  # bytes
TIMEOUT = (20, 60)  # seconds to connect, and to wait for the next bytes
PAUSE = 1.0  # seconds to wait after a connection breaks, doubled after each connection that brought nothing
TRIES = 5  # connections in a row without a new byte, after which a download gives up
LONGEST_WAIT = 60  # seconds; a busy server may ask for hours
OUT_OF_ORDER = (429, 500, 502, 503, 504)  # status codes after which to try again
WRITTEN_ANSWERS = (b"<", b"{")  # how HTML, XML and JSON begin, and no file of the registry does
GZIP_SUFFIXES = (".gz", ".tgz")


class _WrongFileError(Exception):
    """The server sent something other than the published file."""


class _NoFileError(requests.RequestException):
    """The server does not send a file."""


def find_or_download(remote: RemoteFile, *, mirror: Path | None, root: Path, notice: str | None = None) -> Path:
    """Return the path of a published file. The file is not verified if it is found locally.

    Args:
        remote: the file's entry in the registry.
        mirror: the folder that must hold the file; None: look in `root`/archives, and if it is not there, download it.
        root: the folder of all data.
        notice: a message to show before a download.

    Raises:
        UserError: the mirror lacks the file, or it cannot be downloaded.
    """
    if mirror is not None:
        if not (mirror / remote.file).is_file():
            raise UserError(f"the mirror {mirror} does not hold {remote.file}, which is published at {remote.url}")
        return mirror / remote.file
    target = root / "archives" / remote.file
    if not target.exists():
        if notice:
            say(notice)
        download(remote.url, target, remote.checksum, remote.size)
    return target


def download(url: str, target: Path, checksum: str | None, size: int | None) -> None:
    """Download a file, resuming an interrupted download.

    The bytes go to `target`.part, which is renamed to `target` when it is complete and verified. If the process dies,
    that file stays and the next call continues it.

    Args:
        url: the address.
        target: the file to write.
        checksum: "md5:HEX" or "sha256:HEX"; None: not known.
        size: bytes of the file; None: not known.

    Raises:
        UserError: there is no connection, the server does not send the file, the disk is full, or the checksum or size
            is wrong (then the downloaded bytes are deleted).
    """
    part = target.with_name(target.name + ".part")
    elsewhere = f"give a folder that holds {target.name}: --config mirror=DIR"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _open_exclusively(part) as file:
            _Transfer(url, file, part.stem, size, verifiable=checksum is not None).run()
            _verify(part, checksum, size)
            os.fsync(file)
            part.replace(target)
    except (requests.RequestException, ValueError) as error:  # requests raises ValueError for a malformed redirect
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
def _open_exclusively(part: Path) -> Iterator[BinaryIO]:
    """Yield `part`, opened for appending and locked, so that no other process downloads it at the same time."""
    busy = UserError(f"{part} is being downloaded by another process: wait for it")
    with open_to_append(part) as file:
        if not try_hold(file):
            raise busy
        # Another process may have completed and renamed the file after it was opened here.
        if not part.exists() or not os.path.samestat(os.fstat(file.fileno()), part.stat()):
            raise busy
        yield file


class _Transfer:
    """The transfer of one file.

    Args:
        url: the address.
        file: the local file, to which the missing bytes are appended.
        name: the file's name, for the progress line.
        size: bytes of the complete file; None: not known.
        verifiable: whether a checksum is known, so that a file that ends too early is noticed later.
    """

    def __init__(self, url: str, file: BinaryIO, name: str, size: int | None, *, verifiable: bool) -> None:
        self.url, self.file, self.name, self.size, self.verifiable = url, file, name, size, verifiable
        # ETag and length of the file that the server began to send; they differ if the server replaces the file.
        self.version: tuple[str | None, int | None] | None = None

    def run(self) -> None:
        """Receive the file over as many connections as needed; give up after `TRIES` in a row without a new byte.

        Raises:
            requests.RequestException: the file cannot be received.
            _WrongFileError: the file is longer or shorter than expected.
        """
        retry = Retry(TRIES, backoff_factor=PAUSE / 2, status_forcelist=OUT_OF_ORDER, retry_after_max=LONGEST_WAIT)
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            fruitless, farthest = 0, self._received_bytes
            while not self._receive_once(session):
                fruitless = 0 if self._received_bytes > farthest else fruitless + 1
                if fruitless == TRIES:
                    raise requests.ConnectionError
                farthest = max(farthest, self._received_bytes)
                time.sleep(PAUSE * 2**fruitless)

    @property
    def _received_bytes(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def _receive_once(self, session: requests.Session) -> bool:
        """Receive bytes over one connection and return whether the file is complete."""
        received = self._received_bytes
        if received == self.size:
            return True
        # "identity", because offsets into a compressed answer count other bytes.
        headers = {"Accept-Encoding": "identity"}
        if received:
            headers["Range"] = f"bytes={received}-"
        with session.get(self.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range", "").endswith(f"/{received}"):
                return True
            if answer.status_code == 416:
                self._discard()
                return False
            answer.raise_for_status()
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                raise _NoFileError("the server answers with a web page")
            # Some servers declare a .gz file as a compressed answer. Such a file must stay compressed.
            encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
            compressed = encoded and not self.url.endswith(GZIP_SUFFIXES)
            start, total = _parse_range(answer)
            version = (answer.headers.get("ETag"), total)
            changed = self.version not in (None, version) or self._is_newer(answer)
            if start and (start != received or compressed or changed or not self._is_comparable(answer)):
                self._discard()
                return False
            self.version = version
            total = self.size if compressed or total is None else total
            if total is None and not self.verifiable and "chunked" not in answer.headers.get("Transfer-Encoding", ""):
                raise _NoFileError("the server does not say how long the file is")
            self._check_length(total or 0)
            return self._receive_body(answer, start, total, compressed)

    def _receive_body(self, answer: requests.Response, received: int, total: int | None, compressed: bool) -> bool:
        progress = Progress(self.name, (total or 0) // MIB, "MiB", start=received // MIB)
        first = not received
        try:
            # read1 returns bytes as they arrive. Bytes waiting for a full buffer would be lost with the connection.
            while piece := answer.raw.read1(CHUNK, decode_content=compressed):
                if first:
                    if piece.lstrip()[:1] in WRITTEN_ANSWERS:
                        raise _NoFileError("the server answers with a text that is no archive")
                    self.file.truncate(0)
                    first = False
                self.file.write(piece)
                received += len(piece)
                self._check_length(received)
                progress.update(received // MIB)
        except HTTPError:
            return False
        finally:
            progress.close()
            self.file.flush()
        return total is None or received >= total

    def _discard(self) -> None:
        """Delete the received bytes, so that the next connection starts over."""
        self.file.truncate(0)
        self.version = None

    def _is_comparable(self, answer: requests.Response) -> bool:
        """Return whether bytes of a file that changed on the server would be noticed, now or at the end."""
        tag = answer.headers.get("ETag", "W/")
        same_tag = not tag.startswith("W/") and self.version is not None  # a weak tag may stand for other bytes
        return self.verifiable or same_tag or "Last-Modified" in answer.headers

    def _is_newer(self, answer: requests.Response) -> bool:
        """Return whether the file on the server changed after our last bytes arrived."""
        try:
            changed = email.utils.parsedate_to_datetime(answer.headers.get("Last-Modified", "")).timestamp()
        except (ValueError, OverflowError):
            return False
        return changed > os.fstat(self.file.fileno()).st_mtime

    def _check_length(self, length: int) -> None:
        if self.size is not None and length > self.size:
            raise _WrongFileError(f"{length:,} bytes in place of {self.size:,}")


def _parse_range(answer: requests.Response) -> tuple[int, int | None]:
    """Return the offset at which an answer begins (-1: unknown) and the length of the whole file (None: unknown)."""
    length = answer.headers.get("Content-Length", "")
    if answer.status_code != 206:
        return 0, int(length) if length.isdecimal() else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    if match is None:
        return -1, None
    return int(match[1]), int(match[2]) if match[2] != "*" else None


def _verify(part: Path, checksum: str | None, size: int | None) -> None:
    if size not in (None, part.stat().st_size):
        raise _WrongFileError(f"{part.stat().st_size:,} bytes in place of {size:,}")
    if checksum is not None:
        algorithm = checksum.partition(":")[0]
        with open_file(part) as file:
            actual = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
        if actual != checksum:
            raise _WrongFileError(f"{actual} in place of {checksum}")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.SSLError):
        return (
            "its certificate cannot be trusted: set this machine's clock, or name your network's certificates in"
            " REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.RetryError):
        return "the server is out of order"
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it keeps breaking off"
    return " ".join(str(error).split()).partition(". ")[0]
