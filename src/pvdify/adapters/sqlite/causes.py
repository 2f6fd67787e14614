"""What failed below SQLite: its error as the error of the system call that it hides."""

import errno
import os
import sqlite3
from pathlib import Path

_NEXT_TO_NOTHING = 1024 * 1024  # bytes free


def system_error(error: Exception, file: Path) -> OSError | None:
    """The OSError behind an error of SQLite about a file; None where the disk was not the cause."""
    if isinstance(error, OSError):
        return error
    if is_full(error, file):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file.parent))
    if _primary_code(error) == sqlite3.SQLITE_IOERR:
        return OSError(errno.EIO, os.strerror(errno.EIO), str(file))
    return None


def is_full(error: Exception, file: Path) -> bool:
    """Whether a database's error means a full disk; SQLite calls it an I/O error of its shared memory."""
    code = _primary_code(error)
    if code == sqlite3.SQLITE_FULL or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return True
    if code != sqlite3.SQLITE_IOERR:
        return False
    try:
        disk = os.statvfs(file.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _NEXT_TO_NOTHING


def _primary_code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
