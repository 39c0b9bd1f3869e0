"""Small, full or read-only disks: a tmpfs that is mounted for one test."""

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FILLER = "filler"
PAGE = 4096  # bytes


class Disk:
    """A tmpfs of `size` bytes, mounted at the new folder `folder`."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "advkd-test", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("this machine has no mount")
        if done.returncode:
            pytest.skip(f"a tmpfs cannot be mounted: {done.stderr.strip()}")

    def fill(self, leave: int = 0) -> None:
        """Fill the disk, then free `leave` bytes."""
        assert self.folder.is_mount(), "otherwise this would fill the machine's own disk"
        with (self.folder / FILLER).open("ab", buffering=0) as file:
            with pytest.raises(OSError) as refused:
                for _ in range(self.size // PAGE + 2):
                    file.write(bytes(PAGE))
            assert refused.value.errno == errno.ENOSPC
            file.truncate(file.seek(0, os.SEEK_END) - leave)

    def make_room(self) -> None:
        """Delete what `fill` wrote, and make the disk ten times as large."""
        (self.folder / FILLER).unlink(missing_ok=True)
        self._remount(f"size={10 * self.size}")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Make the disk read-only for a while, also for root."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def names(self) -> set[str]:
        """Return the paths of all files except the filler, relative to the disk."""
        files = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        return files - {FILLER}

    def _remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.folder)], check=True)

    def unmount(self) -> None:
        """Unmount the disk, as soon as it is not in use, and lose its files."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], Disk]]:
    """Mount a disk at a folder with a number of bytes. Skips the test if nothing can be mounted, as without root."""
    mounted: list[Disk] = []

    def mount(folder: Path, size: int) -> Disk:
        mounted.append(Disk(folder, size))
        return mounted[-1]

    yield mount
    for disk in reversed(mounted):
        disk.unmount()
