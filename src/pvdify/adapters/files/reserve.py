"""Space on the data directory's disk that is given up when the disk is full, so that work under way can be recorded."""

import os
from contextlib import suppress
from pathlib import Path

import structlog

log = structlog.get_logger()

SIZE = 16 * 1024 * 1024
NAME = "reserve"
ROOM = 4  # it is made again when so many times its size is free


class Reserve:
    """A file that holds nothing."""

    def __init__(self, data_dir: Path, size: int = SIZE) -> None:
        self._file, self._size = data_dir / NAME, size

    def make(self) -> None:
        """Make the file where it is missing and the disk has room. Never raises."""
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
            self.release()  # what there is of it holds no space

    def release(self) -> bool:
        """Give the space up; whether there was any. Never raises."""
        with suppress(OSError):
            self._file.unlink()
            log.warning(
                "disk.full", why="no space is left on the disk of the data directory",
                reserve=f"{self._size // 1024 // 1024} MiB were given up, so that work under way can be recorded",
            )  # fmt: skip
            return True
        return False
