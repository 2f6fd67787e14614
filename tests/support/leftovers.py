"""What a server still has on record of an app that is gone."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

HISTORY = frozenset({"events", "deliveries"})  # stays, as what happened


def records_of(app: str, *, data_dir: Path, run_dir: Path) -> list[str]:
    """Files in these folders, lines of the router's maps and rows of the database that name the app."""
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    found = [str(path.relative_to(data_dir)) for path in files]
    found += [line for path in files if path.suffix == ".map" for line in path.read_text().splitlines()]
    with closing(sqlite3.connect(f"file:{data_dir / 'pvdify.db'}?mode=ro", uri=True)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in set(tables) - HISTORY:
            found += [f"{table}: {row}" for row in database.execute(f"SELECT * FROM {table}")]
    found += [name for _, folders, names in os.walk(run_dir) for name in (*folders, *names)]
    return [text for text in found if app in text]
