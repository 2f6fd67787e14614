"""Notices of the kernel about a directory (inotify), because Python's library has none."""

import asyncio
import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path

CREATED, DELETED, MOVED_HERE, MOVED_AWAY = 0x100, 0x200, 0x80, 0x40  # IN_CREATE, IN_DELETE, IN_MOVED_TO, IN_MOVED_FROM
OVERFLOWN, IGNORED, OF_DIRECTORY = 0x4000, 0x8000, 0x40000000  # IN_Q_OVERFLOW, IN_IGNORED, IN_ISDIR
ONLY_DIRECTORY = 0x01000000  # IN_ONLYDIR
_HEADER = struct.Struct("iIII")  # watch, mask, cookie, bytes of the name
_LARGEST_READ = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A change in the directory. ``is_lost``: notices were lost, or the directory itself is gone."""

    name: str = ""
    is_created: bool = False
    is_directory: bool = False
    is_lost: bool = False


class DirectoryNotices:
    """Reports what is created in and deleted from one directory, from the moment it is made. Close it after use.

    Raises OSError if the directory cannot be watched.
    """

    def __init__(self, directory: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise _error(directory)
        mask = CREATED | DELETED | MOVED_HERE | MOVED_AWAY | ONLY_DIRECTORY
        if libc.inotify_add_watch(self._descriptor, os.fsencode(directory), mask) < 0:
            error = _error(directory)
            self.close()
            raise error

    def close(self) -> None:
        """Stop the reports."""
        os.close(self._descriptor)

    async def next(self) -> tuple[Notice, ...]:
        """Wait for changes and return them, oldest first. Raises OSError."""
        while True:
            try:
                return parse(os.read(self._descriptor, _LARGEST_READ))
            except BlockingIOError:
                await self._readable()

    async def _readable(self) -> None:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._descriptor, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._descriptor)


def parse(data: bytes) -> tuple[Notice, ...]:
    """Return the notices in what the kernel wrote."""
    found, at = [], 0
    while at + _HEADER.size <= len(data):
        _, mask, _, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        name = data[at : at + length].rstrip(b"\0").decode(errors="replace")
        at += length
        found.append(
            Notice(
                name=name,
                is_created=bool(mask & (CREATED | MOVED_HERE)),
                is_directory=bool(mask & OF_DIRECTORY),
                is_lost=bool(mask & (OVERFLOWN | IGNORED)),
            )
        )
    return tuple(found)


def _error(directory: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(directory))
