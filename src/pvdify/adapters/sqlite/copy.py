"""Copies of a database, consistent also while it is written to."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def copy_database(source: Path, target: Path) -> int:
    """Copy at this moment's state; the schema's number. A file at ``target`` is replaced, by all of it or not at all.

    Raises sqlite3.Error, OSError.
    """
    temporary = target.with_name(f"{target.name}.new")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    reading = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)
    writing = sqlite3.connect(temporary)
    with closing(reading), closing(writing):
        reading.backup(writing)
        # The journal mode is chosen by what opens the copy; as it is, it needs no files beside it.
        writing.execute("PRAGMA journal_mode = DELETE")
        schema: int = writing.execute("PRAGMA user_version").fetchone()[0]
    temporary.rename(target)
    return schema


def count_apps(file: Path) -> int:
    """How many apps a database knows; 0 where there is none. Raises sqlite3.Error."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reading:
        found: int = reading.execute("SELECT count(*) FROM apps").fetchone()[0]
    return found


def has_token(file: Path, id: str) -> bool:
    """Whether a database knows a token of this id. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as reading:
        return reading.execute("SELECT 1 FROM tokens WHERE id = ?", (id,)).fetchone() is not None
