"""Reserved space on the data directory's disk. pvdifyd frees it when the disk is full, to record work in progress."""

import os
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger()

SIZE = 16 * 1024 * 1024  # bytes
NAME = "reserve"
ROOM = 4  # the file is created again when this many times its size is free


class Reserve:
    """A file without content that occupies disk space."""

    def __init__(self, data_dir: Path, size: int = SIZE) -> None:
        self._file, self._size = data_dir / NAME, size

    def make(self) -> None:
        """Create the file if it is missing and the disk has ``ROOM`` times its size free. Never raises."""
        try:
            disk = os.statvfs(self._file.parent)
            if self._file.exists() or disk.f_bavail * disk.f_frsize < ROOM * self._size:
                return
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()  # an incomplete file is removed

    def release(self) -> bool:
        """Delete the file to free its space; return whether the file existed. Never raises."""
        with suppress(OSError):
            self._file.unlink()
            log.warning(
                "disk.full", why="no space is left on the disk of the data directory",
                reserve=f"{self._size // 1024 // 1024} MiB were freed, so that work in progress can be recorded",
            )  # fmt: skip
            return True
        return False
