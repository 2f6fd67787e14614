"""The real SQLite adapter in memory and without its thread: the same SQL, and no virtual time passes in a call."""

import re
import sqlite3
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pvdify.adapters.sqlite.queries import migrations, statements
from pvdify.adapters.sqlite.rows import TABLES, from_row
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.errors import StoreUnavailable
from pvdify.ports.store import Record

RecordT = TypeVar("RecordT")
_WORD = re.compile(r"\w+")


class MemoryStore(SqliteStore):
    """Share one object between a daemon and its successor, as they share a file.

    ``origin``: a store whose records it has at first; none without.
    """

    def __init__(self, origin: "MemoryStore | None" = None) -> None:
        super().__init__(Path("unused"))
        self._thread.shutdown()
        self._connection: sqlite3.Connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._read: dict[str, dict[Any, tuple[Any, ...]]] = {}  # query -> values -> its answer, until that changes
        self._changes = 0
        (origin._connection if origin else _empty()).backup(self._connection)

    def __del__(self) -> None:
        """Daemons come and go over it, and none of them is its last."""
        self._connection.close()

    async def _in_thread(self, work: Callable[..., Any], *arguments: object) -> Any:
        try:
            return work(*arguments)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable("the database does not work", why=str(error), next="see pvdifyd's log") from error

    async def _one(self, record_type: type[RecordT], query: str, **values: object) -> RecordT | None:
        known = self._known(query, values)
        found: tuple[RecordT, ...] = await self._all(record_type, query, **values) if known is None else known
        return found[0] if found else None

    async def _all(self, record_type: type[RecordT], query: str, **values: object) -> tuple[RecordT, ...]:
        known: tuple[RecordT, ...] | None = self._known(query, values)
        if known is None:
            rows = await self._rows(query, **values)
            known = tuple(_record(record_type, tuple(row.keys()), tuple(row)) for row in rows)
            self._read.setdefault(query, {})[tuple(values.values())] = known
        return known

    async def save(self, *records: Record) -> None:
        """As the real one; the answers of queries that name none of the tables still hold."""
        is_known = self._changes == self._connection.total_changes
        await super().save(*records)
        if is_known:
            for query in _reading(frozenset(type(record) for record in records)):
                self._read.pop(query, None)
            self._changes = self._connection.total_changes

    def _known(self, query: str, values: dict[str, object]) -> tuple[Any, ...] | None:
        if self._changes != self._connection.total_changes:
            self._changes = self._connection.total_changes
            self._read.clear()
        answers: dict[Any, tuple[Any, ...]] = self._read.get(query, {})
        return answers.get(tuple(values.values()))


@cache
def _reading(written: frozenset[type]) -> tuple[str, ...]:
    """The queries whose answer may change when records of these types are written."""
    tables = {TABLES[each].upsert.split()[2] for each in written}
    return tuple(name for name, sql in statements().items() if tables & set(_WORD.findall(sql)))


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
