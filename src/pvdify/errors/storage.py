"""Errors for failed writes and reads: the same cause has the same text, whatever was written."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pvdify.errors.failed import InstallationDiskFull, InstallationFailed
from pvdify.errors.kinds import PvdifyError
from pvdify.errors.unavailable import (
    RouterDiskFull,
    RouterUnavailable,
    RuntimeDiskFull,
    RuntimeUnavailable,
    StoreDiskFull,
    StoreUnavailable,
)

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
MAKE_ROOM = "free space on the server's disk (`pvdify status` shows the size of images); running apps keep running"
_FULL: dict[type[PvdifyError], type[PvdifyError]] = {
    StoreUnavailable: StoreDiskFull,
    RouterUnavailable: RouterDiskFull,
    RuntimeUnavailable: RuntimeDiskFull,
    InstallationFailed: InstallationDiskFull,
}
ErrorT = TypeVar("ErrorT", bound=PvdifyError)


@contextmanager
def naming_cause(branch: type[ErrorT], what: str, *, next: str) -> Iterator[None]:
    """Convert an OSError in the block by ``storage_error``."""
    try:
        yield
    except OSError as error:
        raise storage_error(branch, what, error, next=next) from error


def has_storage_cause(error: OSError) -> bool:
    """Whether a full disk, a broken one or a lack of descriptors made the system call fail."""
    return error.errno in NO_SPACE | NO_DESCRIPTOR | {errno.EIO}


def storage_error(branch: type[ErrorT], what: str, error: OSError, *, next: str) -> ErrorT:
    """Return the error of this branch for a failed system call; a full disk has a code of its own.

    ``next`` is used unless the cause is a full disk, a disk failure, or a lack of file descriptors.
    """
    place = f": {error.filename}" if error.filename else ""
    if error.errno in NO_SPACE:
        full: type[ErrorT] = _FULL[branch]  # type: ignore[assignment]
        return full(what, why=f"no space is left on the disk{place}", next=MAKE_ROOM)
    if error.errno in NO_DESCRIPTOR:
        return branch(
            what, why=f"no file descriptor is left{place}",
            next="find what holds them (`ls /proc/$(pidof -s pvdifyd)/fd`), or raise LimitNOFILE of pvdifyd.service",
        )  # fmt: skip
    if error.errno == errno.EIO:
        return branch(
            what, why=f"the disk fails to read or write{place}",
            next="check the kernel's messages (`dmesg`), and replace the disk",
        )  # fmt: skip
    return branch(what, why=str(error), next=next)
