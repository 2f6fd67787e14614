"""The real SQLite adapter without its thread, in memory: the same SQL, and time that stands still while it works."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pvdify.adapters.sqlite.queries import migrations
from pvdify.adapters.sqlite.store import SqliteStore


class MemoryStore(SqliteStore):
    """Share one object between a daemon and its successor, as they share a file."""

    def __init__(self) -> None:
        super().__init__(Path("unused"))
        self._thread.shutdown()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for script in migrations():
            self._connection.executescript(script)

    async def _in_thread(self, work: Callable[..., Any], *arguments: object) -> Any:
        return work(*arguments)
