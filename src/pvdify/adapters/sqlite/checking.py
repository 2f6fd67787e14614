"""Checks of a database file before the store opens it; read-only."""

import sqlite3
from contextlib import closing
from pathlib import Path


def is_there(file: Path) -> bool:
    """Return whether the database has content. SQLite treats a missing or empty file as a new database."""
    return file.exists() and (file.stat().st_size > 0 or file.with_name(f"{file.name}-wal").exists())


def damage(file: Path) -> str | None:
    """Return what ``PRAGMA quick_check`` reports, or None if the file is intact or locked. Raises OSError."""
    try:
        with closing(_open(file)) as reading:
            found: str = reading.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        return None if "locked" in str(error) else str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else found


def has_identity(file: Path) -> bool:
    """Return whether the database has an id; earlier schemas had none. Raises sqlite3.Error."""
    with closing(_open(file)) as reading:
        known = reading.execute("SELECT 1 FROM sqlite_master WHERE name = 'identity'").fetchone()
    return known is not None


def read_identity(file: Path) -> str:
    """Return the id of a database that has one. Raises sqlite3.Error."""
    with closing(_open(file)) as reading:
        found: str = reading.execute("SELECT id FROM identity").fetchone()[0]
    return found


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
