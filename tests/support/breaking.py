"""A disk or a process that fails at the system call, since no real disk fails in all these ways.

What fails in the middle of a write is tried on a real disk that is full: ``tests/integration/test_full_disk.py``.
"""

import builtins
import errno
import io
import os
from pathlib import Path

import pytest

CAUSES = (
    (errno.ENOSPC, "no space is left on the disk", 9),
    (errno.EDQUOT, "no space is left on the disk", 9),
    (errno.EMFILE, "no file descriptor is left", 1),
    (errno.EIO, "the disk fails to read or write", 1),
)
MOMENTS = ("open", "sync", "rename")
_WRITES = os.O_WRONLY | os.O_RDWR


class BrokenDisk:
    """From ``break_at`` on, this moment of a write below ``place`` fails with ``code``; the first ``spared`` do not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: Path, code: int, *, spared: int = 0) -> None:
        self._patch, self._place, self._code, self._spared = monkeypatch, str(place), code, spared
        self.is_broken = True
        self.struck = 0

    def break_at(self, moment: str) -> None:
        {"open": self._opens, "sync": self._syncs, "rename": self._renames}[moment]()

    def _opens(self) -> None:
        real_open, real_io_open, real_mkdir = os.open, io.open, os.mkdir

        def fails(path: object, flags: int, *more: int, **named: int) -> int:
            if flags & _WRITES:
                self._strike(path)
            return real_open(path, flags, *more, **named)  # type: ignore[arg-type]

        def io_fails(file: object, mode: str = "r", *more: object, **named: object) -> object:
            if not isinstance(file, int) and set(mode) & set("wax+"):
                self._strike(file)
            return real_io_open(file, mode, *more, **named)  # type: ignore[call-overload]

        def mkdir_fails(path: object, *more: int, **named: int) -> None:
            if not os.path.isdir(path):  # type: ignore[arg-type]
                self._strike(path)
            real_mkdir(path, *more, **named)  # type: ignore[arg-type]

        self._patch.setattr(os, "open", fails)
        self._patch.setattr(io, "open", io_fails)
        self._patch.setattr(builtins, "open", io_fails)
        self._patch.setattr(os, "mkdir", mkdir_fails)

    def _syncs(self) -> None:
        real = os.fsync

        def fails(descriptor: int) -> None:
            self._strike(os.readlink(f"/proc/self/fd/{descriptor}"))
            real(descriptor)

        self._patch.setattr(os, "fsync", fails)

    def _renames(self) -> None:
        for name in ("rename", "replace"):
            real = getattr(os, name)

            def fails(source: object, target: object, real: object = real, **named: int) -> None:
                self._strike(target)
                real(source, target, **named)  # type: ignore[operator]

            self._patch.setattr(os, name, fails)

    def _is_hit(self, path: object) -> bool:
        return self.is_broken and str(path).startswith(self._place)

    def _strike(self, path: object) -> None:
        if self._is_hit(path):
            if self._spared > 0:
                self._spared -= 1
                return
            self.struck += 1
            raise OSError(self._code, os.strerror(self._code), str(path))
