"""Disks that are really small, really full or really read-only: tmpfs, mounted for one test."""

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
    """A tmpfs of `size` bytes at `folder`, which is made."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "advkd-test", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no mount here")
        if done.returncode:
            pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr.strip()}")

    def fill(self, leave: int = 0) -> None:
        """Write to the disk until the system refuses, then give back `leave` bytes."""
        assert self.folder.is_mount(), "else it would be the machine's own disk"
        with (self.folder / FILLER).open("ab", buffering=0) as file:
            with pytest.raises(OSError) as refused:
                for _ in range(self.size // PAGE + 2):
                    file.write(bytes(PAGE))
            assert refused.value.errno == errno.ENOSPC
            file.truncate(file.seek(0, os.SEEK_END) - leave)

    def make_room(self) -> None:
        """Remove what `fill` wrote, and make the disk ten times as large."""
        (self.folder / FILLER).unlink(missing_ok=True)
        self._remount(f"size={10 * self.size}")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Let nothing be written meanwhile, not even by root."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def names(self) -> set[str]:
        """Return the paths of all files but the filler, from the disk's top folder."""
        files = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        return files - {FILLER}

    def _remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.folder)], check=True)

    def unmount(self) -> None:
        """End the disk and what it holds; one that is in use goes when it no longer is."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], Disk]]:
    """Mount disks: called with a folder and bytes. Skips where nothing can be mounted, as without root."""
    mounted: list[Disk] = []

    def mount(folder: Path, size: int) -> Disk:
        mounted.append(Disk(folder, size))
        return mounted[-1]

    yield mount
    for disk in reversed(mounted):
        disk.unmount()
