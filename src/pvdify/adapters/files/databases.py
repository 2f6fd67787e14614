"""Checks of SQLite databases among an app's files. Databases are found by their first bytes and never changed.

Apps wrote these databases, so SQLite runs nothing that is stored in them: no triggers, no views, and only functions
that SQLite classes as innocuous.
"""

import errno
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

MAGIC = b"SQLite format 3\0"
BESIDE = ("-wal", "-journal")  # endings of the files in which SQLite keeps unfinished writes
MOST_SECONDS = 900.0  # for checking and counting one database
_STEPS = 1_000_000  # instructions of SQLite between two checks of the time limit


def is_database(file: Path) -> bool:
    """Return whether a file has the header of an SQLite database. Raises OSError."""
    with file.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def check(file: Path, scratch: Path) -> tuple[int, str]:
    """Return the number of rows in all tables, and what is wrong with the database ("" for nothing). Raises OSError.

    If a ``-wal`` or ``-journal`` file beside the database has content, SQLite would write to the database. Such a
    database is copied to ``scratch`` first.
    """
    beside = [Path(f"{file}{ending}") for ending in BESIDE]
    if not any(each.is_file() and each.stat().st_size for each in beside):
        return _check_and_count(f"{file.absolute().as_uri()}?mode=ro&immutable=1")
    with tempfile.TemporaryDirectory(dir=scratch, prefix="database-") as folder:
        copy = Path(folder, "copy")
        for source, ending in ((file, ""), *zip(beside, BESIDE, strict=True)):
            if source.is_file() and not source.is_symlink():
                shutil.copyfile(source, f"{copy}{ending}")
        return _check_and_count(f"{copy.as_uri()}?mode=rw")


def _check_and_count(uri: str) -> tuple[int, str]:
    deadline = time.monotonic() + MOST_SECONDS
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                return 0, str(found).splitlines()[-1][:200]
            return sum(_rows(connection)), ""
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:  # says nothing about the database
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        return 0, str(error)


def _rows(connection: sqlite3.Connection) -> Iterator[int]:
    tables = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    for name, sql in tables:
        if str(sql).upper().startswith("CREATE VIRTUAL"):
            continue  # the rows are in other tables, which are counted; the table's module may be missing here
        quoted = '"' + str(name).replace('"', '""') + '"'
        yield int(connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0])  # noqa: S608 - quoted
