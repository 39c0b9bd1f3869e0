"""Downloading a large file so that a cut connection costs nothing and nothing unverified takes its name."""

import fcntl
import time
from pathlib import Path
from typing import BinaryIO

import pooch
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from advkd.errors import UserError
from advkd.progress import Progress

CHUNK = 1 << 16  # bytes; what a cut connection can lose
MIB = 1 << 20
TIMEOUT = (20, 60)  # seconds to connect, to wait for the next bytes
PAUSE = 1.0  # seconds after a connection broke off, doubled each time that brought nothing
TRIES = 5


def download(url: str, target: Path, checksum: str | None, size: int | None) -> None:
    """Download `url` to `target`, going on where an earlier try stopped.

    What has arrived is kept in `target`.part until it is complete (of `size` bytes, if that is given) and has the
    `checksum` ("md5:…" or "sha256:…"; None: none is known).

    Raises:
        UserError: no connection, an answer that is not the file, no room, or a wrong checksum or size, for which the
            part is deleted.
    """
    pooch.get_logger().setLevel("WARNING")
    part = target.with_name(target.name + ".part")
    elsewhere = f"give a folder that holds {target.name}: --config mirror=DIR"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(url, checksum, target.name, target.parent, downloader=_Resuming(part, size))
    except requests.RequestException as error:
        raise UserError(
            f"cannot download {url} ({_reason(error)}): what has arrived is kept in {part}, start again to resume, or "
            f"{elsewhere}"
        ) from error
    except ValueError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"{url} is not the published file ({_summary(error)}): it is deleted, start again to download it anew, or "
            f"{elsewhere}"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write {part} ({error.strerror or error}): make room, start again to resume") from error


class _Resuming:
    """A downloader for pooch that collects the file in `part` and moves it to where pooch checks it."""

    def __init__(self, part: Path, size: int | None) -> None:
        self.part, self.size = part, size

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download `url` to `output_file`."""
        retry = Retry(TRIES, backoff_factor=PAUSE / 2, status_forcelist=(429, 500, 502, 503, 504))
        with requests.Session() as session, self.part.open("ab") as file:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(f"{self.part} is being downloaded by another process: wait for it") from error
            fruitless = 0
            while not self._is_complete(session, url, file, before := file.seek(0, 2)):
                fruitless = fruitless + 1 if file.seek(0, 2) <= before else 0
                if fruitless == TRIES:
                    raise requests.ConnectionError
                time.sleep(PAUSE * 2**fruitless)
            self.part.replace(output_file)

    def _is_complete(self, session: requests.Session, url: str, file: BinaryIO, have: int) -> bool:
        """Add what the server sends to the `have` bytes of `file`; False if the connection broke off before the end."""
        # identity: a compressed answer would count other bytes
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            given = answer.headers.get("Content-Range", "")
            if answer.status_code == 416:
                if given.endswith(f"/{have}"):
                    return self._check(have)
                file.truncate(0)
                return False
            answer.raise_for_status()
            if not (answer.status_code == 206 and given.startswith(f"bytes {have}-")):
                file.truncate(0)
                have = 0
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else self.size
            progress = Progress(self.part.stem, (total or 0) // MIB, "MiB", start=have // MIB)
            try:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    have += len(chunk)
                    progress.update(have // MIB)
            except requests.RequestException:
                return False
            finally:
                progress.close()
                file.flush()
        return (total is None or have >= total) and self._check(have)

    def _check(self, have: int) -> bool:
        if self.size not in (None, have):
            raise ValueError(f"{have:,} bytes in place of {self.size:,}")
        return True


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError):
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.RetryError):
        return "the server is out of order"
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it keeps breaking off"
    return _summary(error)


def _summary(error: Exception) -> str:
    """Return the first sentence of a message, in one line."""
    return " ".join(str(error).split()).partition(". ")[0]
