"""Consistent copies of a database that may be in use, and queries on such copies."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pvdify.adapters.sqlite.causes import system_error


def copy_database(source: Path, target: Path) -> int:
    """Copy the database as it is now, and return its schema version. Replaces ``target`` atomically.

    Raises sqlite3.Error, OSError.
    """
    temporary = target.with_name(f"{target.name}.new")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        schema = _copy(source, temporary)
        temporary.rename(target)
    except (OSError, sqlite3.Error) as error:
        for ending in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{temporary}{ending}").unlink()
        cause = system_error(error, temporary)
        if cause is None or cause is error:
            raise
        raise cause from error
    return schema


def _copy(source: Path, temporary: Path) -> int:
    reading = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
    writing = sqlite3.connect(temporary)
    with closing(reading), closing(writing):
        reading.backup(writing)
        # In this mode the copy is one file, without -wal and -shm. Whatever opens the copy sets its own mode.
        writing.execute("PRAGMA journal_mode = DELETE")
        schema: int = writing.execute("PRAGMA user_version").fetchone()[0]
    return schema


def count_apps(file: Path) -> int:
    """Return the number of apps in a database; 0 if the file does not exist. Raises sqlite3.Error."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reading:
        found: int = reading.execute("SELECT count(*) FROM apps").fetchone()[0]
    return found


def has_token(file: Path, id: str) -> bool:
    """Return whether the database has a token with this id. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reading:
        return reading.execute("SELECT 1 FROM tokens WHERE id = ?", (id,)).fetchone() is not None
