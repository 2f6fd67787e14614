"""The real SQLite adapter without its thread, in memory: the same SQL, and time that stands still while it works."""

import sqlite3
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pvdify.adapters.sqlite.queries import migrations
from pvdify.adapters.sqlite.rows import from_row
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.errors import StoreUnavailable

RecordT = TypeVar("RecordT")


class MemoryStore(SqliteStore):
    """Share one object between a daemon and its successor, as they share a file."""

    def __init__(self) -> None:
        super().__init__(Path("unused"))
        self._thread.shutdown()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        _empty().backup(self._connection)

    def __del__(self) -> None:
        """Daemons come and go over it, and none of them is its last."""
        self._connection.close()

    async def _in_thread(self, work: Callable[..., Any], *arguments: object) -> Any:
        try:
            return work(*arguments)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable("the database does not work", why=str(error), next="see pvdifyd's log") from error

    async def _all(self, record_type: type[RecordT], query: str, **values: object) -> tuple[RecordT, ...]:
        return tuple(_record(record_type, tuple(row.keys()), tuple(row)) for row in await self._rows(query, **values))


@cache
def _empty() -> sqlite3.Connection:
    """A database with every migration, made once: a copy of its pages takes a hundredth of the time."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for script in migrations():
        connection.executescript(script)
    return connection


@lru_cache(maxsize=50_000)
def _record(record_type: type[RecordT], columns: tuple[str, ...], values: tuple[Any, ...]) -> RecordT:
    """Records never change, so equal rows can share one: simulations read the same rows over and over."""
    return from_row(record_type, dict(zip(columns, values, strict=True)))
