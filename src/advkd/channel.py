"""How a job tells the workflow's terminal how far it is: datagrams to a socket that the terminal's process listens on.

A job never waits and never fails for it: a report that nobody takes is lost. The socket lies in a private folder (0700)
and is named in the jobs' environment. Jobs on other machines find no socket there.
"""

import contextlib
import json
import os
import shutil
import socket
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

ADDRESS = "ADVKD_CHANNEL"  # the variable that names the socket
LARGEST = 1 << 16  # bytes of a report
PREFIX = "advkd-channel-"  # of a socket's folder


@dataclass(frozen=True)
class Report:
    """How far a loop of a job is.

    Attributes:
        logs: the log files that the job writes; they tell which job it is.
        label: what is running, for example a run's name.
        unit: what one step is, in the singular.
        step: steps done.
        total: steps in all.
        rate: steps in a second, in words; it may be empty.
        left: seconds left; None where they are unknown.
    """

    logs: list[str]
    label: str
    unit: str
    step: int
    total: int
    rate: str
    left: float | None


def tell(report: Report) -> None:
    """Send a report to the terminal, if there is one."""
    if address := os.environ.get(ADDRESS):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(json.dumps(asdict(report)).encode(), address)


class Listener:
    """Receives the reports of all jobs; raises OSError where no socket can be made."""

    def __init__(self) -> None:
        remove_left_over()
        self.folder = tempfile.mkdtemp(prefix=PREFIX)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.bind(str(Path(self.folder, "socket")))
        except OSError:
            self.close()
            raise
        os.environ[ADDRESS] = str(Path(self.folder, "socket"))

    def receive(self, seconds: float) -> Report | None:
        """Return the next report; None if there is none for so many seconds, or none that can be read."""
        self.socket.settimeout(seconds)
        try:
            return Report(**json.loads(self.socket.recv(LARGEST)))
        except (OSError, ValueError, TypeError):
            return None

    def close(self) -> None:
        """Close and remove the socket."""
        os.environ.pop(ADDRESS, None)
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_left_over() -> None:
    """Remove the sockets of listeners that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/socket"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect(str(path))
            except ConnectionRefusedError:  # nobody listens
                shutil.rmtree(path.parent, ignore_errors=True)
