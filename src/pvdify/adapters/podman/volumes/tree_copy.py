"""Copies of directories that a program, possibly a malicious one, changes during the copy.

Every entry of the source is opened relative to its directory and without following links, so that a directory replaced
by a link cannot make the copy leave the volume. Owners, modes, times, links, holes and extended attributes are kept.
Sockets and devices are left out.
"""

import errno
import fcntl
import os
import shutil
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FICLONE = 0x40049409  # ioctl that shares blocks between files, if the file system supports it
# Seconds. A write to a mapped page changes the mtime only when the kernel writes the page out, after 35 s by default.
UNSURE = 120.0
_CHUNK = 16 * 1024 * 1024  # bytes
Stamp = tuple[int, int, int, int]


@dataclass(kw_only=True)
class TreeCopy:
    """A copy that is made in passes; each pass copies the files that changed since the pass before.

    ``copied``: bytes of the last pass. ``deadline``: on the monotonic clock, after which a pass raises TimeoutError.
    """

    source: Path
    target: Path
    copied: int = 0
    deadline: float | None = None
    _stamps: dict[Path, Stamp] = field(default_factory=dict)
    _sure_before: float = field(default_factory=lambda: time.time() - UNSURE)
    _links: dict[tuple[int, int], Path] = field(default_factory=dict)

    def update(self) -> None:
        """Make the target equal to the source as it is now. Raises OSError, TimeoutError."""
        self.copied = 0
        self._links = {}
        descriptor = os.open(self.source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.target.mkdir(mode=0o700, exist_ok=True)
            self._directory(descriptor, Path())
        finally:
            os.close(descriptor)

    def _directory(self, descriptor: int, at: Path) -> None:
        with os.scandir(descriptor) as entries:
            found = {entry.name for entry in entries}
        target = self.target / at
        for name in {entry.name for entry in target.iterdir()} - found:
            _remove(target / name)
        for name in sorted(found):
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise TimeoutError
            with suppress(FileNotFoundError):  # the program removed the entry meanwhile
                self._entry(descriptor, name, at / name)
        _set_metadata(target, os.fstat(descriptor), descriptor)

    def _entry(self, parent: int, name: str, at: Path) -> None:
        there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        target = self.target / at
        if stat.S_ISDIR(there.st_mode):
            self._enter(parent, name, at)
        elif stat.S_ISREG(there.st_mode):
            self._file(parent, name, at)
        else:
            _remove(target)
            if stat.S_ISLNK(there.st_mode):
                target.symlink_to(os.readlink(name, dir_fd=parent))
                os.chown(target, there.st_uid, there.st_gid, follow_symlinks=False)
                os.utime(target, ns=(there.st_atime_ns, there.st_mtime_ns), follow_symlinks=False)
            elif stat.S_ISFIFO(there.st_mode):
                os.mkfifo(target)
                _set_metadata(target, there, None)

    def _enter(self, parent: int, name: str, at: Path) -> None:
        target = self.target / at
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        except NotADirectoryError:
            return
        try:
            if target.is_symlink() or not target.is_dir():
                _remove(target)
                target.mkdir(mode=0o700)
            self._directory(descriptor, at)
        finally:
            os.close(descriptor)

    def _file(self, parent: int, name: str, at: Path) -> None:
        target = self.target / at
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=parent)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return  # the file was replaced by a link meanwhile; the next pass copies the link
            raise
        try:
            there = os.fstat(descriptor)
            stamp = (there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns)
            is_linked = there.st_nlink > 1
            if not stat.S_ISREG(there.st_mode):
                return
            if self._stamps.get(at) == stamp and there.st_mtime < self._sure_before and not is_linked:
                return
            _remove(target)
            first = self._links.setdefault((there.st_dev, there.st_ino), at) if is_linked else at
            if first != at:
                os.link(self.target / first, target)
                return
            self._stamps[at] = stamp
            self._content(descriptor, target, there)
        finally:
            os.close(descriptor)

    def _content(self, descriptor: int, target: Path, there: os.stat_result) -> None:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if not _cloned(descriptor, writing):
                self._blocks(descriptor, writing)
            self.copied += there.st_size
            _set_metadata(writing, os.fstat(descriptor), descriptor)
        finally:
            os.close(writing)

    def _blocks(self, reading: int, writing: int) -> None:
        """Copy the data between holes. Raises OSError, TimeoutError."""
        end = os.fstat(reading).st_size
        offset = 0
        while offset < end:
            try:
                offset = os.lseek(reading, offset, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    break
                raise
            hole = os.lseek(reading, offset, os.SEEK_HOLE)
            os.lseek(writing, offset, os.SEEK_SET)
            while offset < hole:
                if self.deadline is not None and time.monotonic() > self.deadline:
                    raise TimeoutError
                sent = os.sendfile(writing, reading, offset, min(_CHUNK, hole - offset))
                if sent == 0:
                    break
                offset += sent
            if offset < hole:
                break
        os.ftruncate(writing, end)


def _cloned(reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, FICLONE, reading)
    except OSError:
        return False
    return True


def _set_metadata(target: Path | int, there: os.stat_result, descriptor: int | None) -> None:
    """Set owner, mode, extended attributes and times, in this order: chown clears mode bits and capabilities."""
    os.chown(target, there.st_uid, there.st_gid)
    os.chmod(target, stat.S_IMODE(there.st_mode))  # noqa: PTH101 - a descriptor has no path
    if descriptor is not None:
        for name in os.listxattr(descriptor):
            with suppress(OSError):  # attributes such as SELinux labels, which the target's file system assigns
                os.setxattr(target, name, os.getxattr(descriptor, name))
    os.utime(target, ns=(there.st_atime_ns, there.st_mtime_ns))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
