"""The ``store`` and ``outbox`` ports: one SQLite file in WAL mode.

Every save is a transaction that is on disk when it returns.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pvdify.adapters.sqlite.copy import copy_database
from pvdify.adapters.sqlite.links import LinkRecords
from pvdify.adapters.sqlite.outbox import OutboxRecords
from pvdify.adapters.sqlite.queries import migrations, statements
from pvdify.adapters.sqlite.rows import TABLES, from_row, to_row
from pvdify.errors import StoreUnavailable
from pvdify.model.app import App
from pvdify.model.config import ConfigVersion
from pvdify.model.event import Event, IdempotentRequest
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.slot import Slot
from pvdify.model.token import Token
from pvdify.ports.store import Record

RecordT = TypeVar("RecordT")
_FORGET = (
    "releases", "switch_counts", "scales", "slots", "operations", "config_versions", "idempotent_requests",
    "previews", "tokens", "links", "app",
)  # fmt: skip


class SqliteStore(OutboxRecords, LinkRecords):
    """One connection in one thread of its own, so that writes are in the order they were asked for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or make the database and bring its schema up to date.

        An older schema is copied to ``<file>.before-v<N>`` first. Raises StoreUnavailable.
        """
        self._connection = await self._in_thread(_open, self._file)

    async def close(self) -> None:
        """Let go of the file."""
        await self._in_thread(lambda connection: connection.close(), self._connection)
        self._thread.shutdown()

    async def save(self, *records: Record) -> None:
        """See the port."""
        await self._write([(TABLES[type(record)].upsert, to_row(record)) for record in records])

    async def delete_app(self, name: str, event: Event) -> None:
        """See the port."""
        forget = [(statements()[f"forget_{what}"], {"app": name}) for what in _FORGET]
        await self._write([*forget, (TABLES[Event].upsert, to_row(event))])

    async def app(self, name: str) -> App | None:
        """See the port."""
        return await self._one(App, "app", name=name)

    async def apps(self) -> tuple[App, ...]:
        """See the port."""
        return await self._all(App, "apps")

    async def release(self, app: str, version: int) -> Release | None:
        """See the port."""
        return await self._one(Release, "release", app=app, version=version)

    async def releases(self, app: str, limit: int = 1000) -> tuple[Release, ...]:
        """See the port."""
        return await self._all(Release, "releases", app=app, limit=limit)

    async def live_versions(self, app: str, limit: int) -> tuple[int, ...]:
        """See the port."""
        rows = await self._rows("live_versions", app=app, limit=limit)
        return tuple(row["version"] for row in rows)

    async def active_release(self, app: str) -> Release | None:
        """See the port."""
        return await self._one(Release, "active_release", app=app)

    async def active_releases(self) -> tuple[Release, ...]:
        """See the port."""
        return await self._all(Release, "active_releases")

    async def switch_counts(self, app: str) -> tuple[SwitchCount, ...]:
        """See the port."""
        return await self._all(SwitchCount, "switch_counts", app=app)

    async def scale(self, app: str) -> Scale:
        """See the port."""
        return await self._one(Scale, "scale", app=app) or Scale(app=app)

    async def scales(self) -> tuple[Scale, ...]:
        """See the port."""
        return await self._all(Scale, "scales")

    async def slots(self, app: str | None = None) -> tuple[Slot, ...]:
        """See the port."""
        return await self._all(Slot, "slots", app=app)

    async def slot(self, app: str, number: int) -> Slot | None:
        """See the port."""
        return await self._one(Slot, "slot", app=app, number=number)

    async def operation(self, id: str) -> Operation | None:
        """See the port."""
        return await self._one(Operation, "operation", id=id)

    async def unsettled_operations(self, app: str | None = None) -> tuple[Operation, ...]:
        """See the port."""
        return await self._all(Operation, "unsettled_operations", app=app)

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """See the port."""
        return await self._all(ConfigVersion, "config_versions", app=app)

    async def preview(self, name: str) -> Preview | None:
        """See the port."""
        return await self._one(Preview, "preview", name=name)

    async def previews(self, parent: str | None = None) -> tuple[Preview, ...]:
        """See the port."""
        return await self._all(Preview, "previews", parent=parent)

    async def previews_due(self, now: datetime, asked_before: datetime) -> tuple[Preview, ...]:
        """See the port."""
        return await self._all(Preview, "previews_due", now=_stamp(now), asked_before=_stamp(asked_before))

    async def unleased_previews(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(row["name"] for row in await self._rows("unleased_previews"))

    async def token(self, id: str) -> Token | None:
        """See the port."""
        return await self._one(Token, "token", id=id)

    async def tokens(self) -> tuple[Token, ...]:
        """See the port."""
        return await self._all(Token, "tokens")

    async def events(self, app: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        """See the port."""
        return await self._all(Event, "events", app=app, limit=limit)

    async def idempotent_request(self, key: str, actor: str, since: datetime) -> IdempotentRequest | None:
        """See the port."""
        return await self._one(IdempotentRequest, "idempotent_request", key=key, actor=actor, since=_stamp(since))

    async def is_webhook_seen(self, id: str, digest: str) -> bool:
        """See the port."""
        return bool(await self._rows("seen_webhook", id=id, digest=digest))

    async def forget_webhooks(self, before: datetime) -> None:
        """See the port."""
        await self._write([(statements()["forget_webhooks"], {"before": _stamp(before)})])

    async def _write(self, work: list[tuple[str, dict[str, Any]]]) -> None:
        await self._in_thread(_run_transaction, self._connection, work)

    async def _one(self, record_type: type[RecordT], query: str, **values: object) -> RecordT | None:
        found = await self._all(record_type, query, **values)
        return found[0] if found else None

    async def _all(self, record_type: type[RecordT], query: str, **values: object) -> tuple[RecordT, ...]:
        return tuple(from_row(record_type, row) for row in await self._rows(query, **values))

    async def _rows(self, query: str, **values: object) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = await self._in_thread(_fetch, self._connection, statements()[query], values)
        return found

    async def _in_thread(self, work: Callable[..., Any], *arguments: object) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from error


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _open(file: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        # FULL: a commit is on the disk when it returns, also when the power goes.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}")
        _migrate(connection, file)
    except BaseException:
        connection.close()  # takes back what a migration has begun
        raise
    return connection


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations()):
        raise StoreUnavailable(
            f"the database {file} was written by a newer pvdify (schema {version}, this one knows {len(migrations())})",
            next="start the newer pvdify again, or restore a backup made before the upgrade",
        )
    if 0 < version < len(migrations()):
        copy_database(file, file.with_name(f"{file.name}.before-v{len(migrations())}"))
    for number, script in enumerate(migrations()[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _fetch(connection: sqlite3.Connection, statement: str, values: dict[str, Any]) -> list[sqlite3.Row]:
    return connection.execute(statement, values).fetchall()


def _run_transaction(connection: sqlite3.Connection, work: list[tuple[str, dict[str, Any]]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement, values in work:
            connection.execute(statement, values)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        "pvdify's database does not work",
        why=str(error),
        next="check that the disk under the data directory is not full or read-only, then look at `pvdify status`",
    )
