"""The ``store`` and ``outbox`` ports: one SQLite file in WAL mode.

Every save is one transaction, and is on disk when the call returns.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pvdify.adapters.sqlite.answers import Answers, Read
from pvdify.adapters.sqlite.backups import BackupRecords
from pvdify.adapters.sqlite.causes import is_full, system_error
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.adapters.sqlite.jobs import JobRecords
from pvdify.adapters.sqlite.links import LinkRecords
from pvdify.adapters.sqlite.outbox import OutboxRecords
from pvdify.adapters.sqlite.people import PeopleRecords
from pvdify.adapters.sqlite.queries import migrations, statements
from pvdify.adapters.sqlite.records import Work
from pvdify.adapters.sqlite.renaming import RenamingRecords
from pvdify.adapters.sqlite.rows import TABLES, from_row, remember, to_row
from pvdify.adapters.sqlite.samples import SampleRecords
from pvdify.adapters.sqlite.services import ServiceRecords
from pvdify.adapters.sqlite.writes import Writes
from pvdify.errors import StoreUnavailable, storage_error
from pvdify.model.app import App
from pvdify.model.config import ConfigVersion
from pvdify.model.database import DatabaseIdentity
from pvdify.model.event import Event, EventFilter, IdempotentRequest
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release, SwitchCount
from pvdify.model.runtime_choice import RuntimeChoice
from pvdify.model.scale import Scale
from pvdify.model.slot import Slot
from pvdify.model.status import NotedStatus
from pvdify.model.token import Token
from pvdify.model.volume import AppVolume
from pvdify.ports.store import Record

RecordT = TypeVar("RecordT")
FoundT = TypeVar("FoundT")
_OF_APPS = frozenset({"apps", "releases", "scales", "slots", "operations", "noted_statuses"})
# The queries for one record by its key, whose values they have in the order of the table's key.
ONE: dict[type, str] = {
    App: "app", Release: "release", Scale: "scale", Slot: "slot", Operation: "operation", Preview: "preview",
    Token: "token",
}  # fmt: skip
_FORGET = (
    "releases", "switch_counts", "scales", "noted_statuses", "slots", "operations", "config_versions",
    "idempotent_requests", "previews", "tokens", "links", "grants", "job_records",
    "job_runs", "former_names", "service_links", "passkeys_of_users", "sessions_of_users", "users", "app",
)  # fmt: skip


class SqliteStore(
    OutboxRecords, LinkRecords, JobRecords, PeopleRecords, BackupRecords, SampleRecords, RenamingRecords, ServiceRecords
):
    """A store on one SQLite connection in its own thread, so that statements run in the order of the calls."""

    def __init__(self, file: Path, make_room: Callable[[], bool] = lambda: False) -> None:
        """``make_room``: called once when the disk is full; if it returns True, the store retries the statement."""
        self._file, self._make_room = file, make_room
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: sqlite3.Connection | None = None
        self._writes = Writes()
        self._answers = Answers(statements())

    @property
    def writes(self) -> int:
        return self._writes.count

    async def next_write(self, seen: int) -> int:
        return await self._writes.after(seen)

    async def open(self) -> None:
        """Open or make the database and migrate its schema.

        Copies a database with an older schema to ``<file>.before-v<N>`` first. Raises StoreUnavailable.
        """
        self._connection = await self._in_thread(_open, self._file)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self._in_thread(lambda connection: connection.close(), self._connection)
        self._thread.shutdown()

    async def identity(self) -> DatabaseIdentity:
        """Return the database's identity. Raises StoreUnavailable."""
        (row,) = await self._rows("identity")
        return DatabaseIdentity(id=row["id"], is_apart=bool(row["is_apart"]))

    async def take_identity(self, id: str) -> None:
        """Set the database's id, after restoring a backup from before databases had ids. Raises StoreUnavailable."""
        await self._write([(statements()["take_identity"], {"id": id})])

    async def set_apart(self) -> None:
        """Record that this host has containers of an earlier database. Raises StoreUnavailable."""
        await self._write([(statements()["set_apart"], {})])

    def writes_to_apps(self) -> int:
        return self._answers.writes_to(_OF_APPS)

    async def save(self, *records: Record) -> None:
        rows = [(record, to_row(record)) for record in records]
        counts = await self._write([(TABLES[type(record)].upsert, row) for record, row in rows])
        for record, row in rows:  # the record is the answer to the question for it, unless its count has grown
            remember(record, row)
            if query := ONE.get(type(record)):
                key = {column: row[column] for column in TABLES[type(record)].key}
                self._answers.keep(query, key, Read(records=(record,), writes=counts[query]))

    async def delete_app(self, name: str, event: Event) -> None:
        forget = [(statements()[f"forget_{what}"], {"app": name}) for what in _FORGET]
        await self._write([*forget, (TABLES[Event].upsert, to_row(event))])

    async def app(self, name: str) -> App | None:
        return await self._one(App, "app", name=name)

    async def apps(self) -> tuple[App, ...]:
        return await self._all(App, "apps")

    async def release(self, app: str, version: int) -> Release | None:
        return await self._one(Release, "release", app=app, version=version)

    async def releases(self, app: str, limit: int) -> tuple[Release, ...]:
        return await self._all(Release, "releases", app=app, limit=limit)

    async def live_versions(self, app: str, limit: int, *, before: int | None = None) -> tuple[int, ...]:
        return await self._found(_version, "live_versions", {"app": app, "limit": limit, "before": before})

    async def last_live_in(self, app: str, slot: int) -> int | None:
        found = await self._found(_version, "last_live_in", {"app": app, "slot": slot})
        return found[0] if found else None

    async def active_release(self, app: str) -> Release | None:
        return await self._one(Release, "active_release", app=app)

    async def active_releases(self) -> tuple[Release, ...]:
        return await self._all(Release, "active_releases")

    async def failed_releases(self) -> tuple[Release, ...]:
        return await self._all(Release, "failed_releases")

    async def switch_counts(self, app: str, first: int, last: int) -> tuple[SwitchCount, ...]:
        return await self._all(SwitchCount, "switch_counts", app=app, first=first, last=last)

    async def scale(self, app: str) -> Scale:
        return await self._one(Scale, "scale", app=app) or Scale(app=app)

    async def scales(self) -> tuple[Scale, ...]:
        return await self._all(Scale, "scales")

    async def noted_statuses(self, app: str | None = None) -> tuple[NotedStatus, ...]:
        return await self._all(NotedStatus, "noted_statuses", app=app)

    async def slots(self, app: str | None = None) -> tuple[Slot, ...]:
        return await self._all(Slot, "slots", app=app)

    async def slot(self, app: str, number: int) -> Slot | None:
        return await self._one(Slot, "slot", app=app, number=number)

    async def runtime_choice(self) -> RuntimeChoice | None:
        return await self._one(RuntimeChoice, "runtime_choice")

    async def volumes(self, app: str | None = None) -> tuple[AppVolume, ...]:
        return await self._all(AppVolume, "volumes", app=app)

    async def forget_volume(self, id: str) -> None:
        await self._write([(statements()["forget_volume"], {"id": id})])

    async def operation(self, id: str) -> Operation | None:
        return await self._one(Operation, "operation", id=id)

    async def unsettled_operations(self, app: str | None = None) -> tuple[Operation, ...]:
        return await self._all(Operation, "unsettled_operations", app=app)

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        return await self._all(ConfigVersion, "config_versions", app=app)

    async def preview(self, name: str) -> Preview | None:
        return await self._one(Preview, "preview", name=name)

    async def previews(self, parent: str | None = None) -> tuple[Preview, ...]:
        return await self._all(Preview, "previews", parent=parent)

    async def previews_due(self, now: datetime, asked_before: datetime) -> tuple[Preview, ...]:
        return await self._all(Preview, "previews_due", now=_stamp(now), asked_before=_stamp(asked_before))

    async def unleased_previews(self) -> tuple[str, ...]:
        return tuple(row["name"] for row in await self._rows("unleased_previews"))

    async def token(self, id: str) -> Token | None:
        return await self._one(Token, "token", id=id)

    async def note_token_use(self, id: str, at: datetime) -> None:
        await self._write([(statements()["note_token_use"], {"id": id, "at": _stamp(at)})])

    async def tokens(self) -> tuple[Token, ...]:
        return await self._all(Token, "tokens")

    async def events(self, app: str | None = None, limit: int = 100) -> tuple[Event, ...]:
        return await self._all(Event, "events", app=app, limit=limit)

    async def matching_events(self, wanted: EventFilter, limit: int) -> tuple[Event, ...]:
        since = None if wanted.since is None else _stamp(wanted.since)
        return await self._all(
            Event, "matching_events", app=wanted.app, actor=wanted.actor, kind=wanted.kind, since=since, limit=limit
        )

    async def idempotent_request(self, key: str, actor: str, since: datetime) -> IdempotentRequest | None:
        return await self._one(IdempotentRequest, "idempotent_request", key=key, actor=actor, since=_stamp(since))

    async def is_webhook_seen(self, id: str, digest: str) -> bool:
        return bool(await self._rows("seen_webhook", id=id, digest=digest))

    async def forget_webhooks(self, before: datetime) -> None:
        await self._write([(statements()["forget_webhooks"], {"before": _stamp(before)})])

    async def _write(self, work: Work) -> Mapping[str, int]:
        try:
            counts: Mapping[str, int] = await self._in_thread(_run_transaction, self._connection, work, self._answers)
            return counts
        finally:
            self._writes.note()  # also if the caller was canceled, because the thread may have committed

    async def _one(self, record_type: type[RecordT], query: str, **values: object) -> RecordT | None:
        found = await self._all(record_type, query, **values)
        return found[0] if found else None

    async def _all(self, record_type: type[RecordT], query: str, **values: object) -> tuple[RecordT, ...]:
        return await self._found(partial(from_row, record_type), query, values)

    async def _rows(self, query: str, **values: object) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = await self._in_thread(_fetch, self._connection, statements()[query], values)
        return found

    async def _found(
        self, parse: Callable[[Mapping[str, Any]], FoundT], query: str, values: Mapping[str, object]
    ) -> tuple[FoundT, ...]:  # fmt: skip
        known: tuple[FoundT, ...] | None = self._answers.known(query, values)
        if known is None:
            read: Read = await self._in_thread(_read, self._connection, self._answers, parse, query, values)
            self._answers.keep(query, values, read)
            known = read.records
        return known

    async def _in_thread(self, work: Callable[..., Any], *arguments: object) -> Any:
        run = asyncio.get_running_loop().run_in_executor
        try:
            return await run(self._thread, self._with_room, work, *arguments)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error, self._file) from error

    def _with_room(self, work: Callable[..., Any], *arguments: object) -> Any:
        try:
            return work(*arguments)
        except (sqlite3.Error, OSError) as error:
            if not (is_full(error, self._file) and self._make_room()):
                raise
        return work(*arguments)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")  # the queries compare text


def _open(file: Path) -> sqlite3.Connection:
    file.touch(mode=0o600)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        # FULL: a commit survives a power loss once it has returned.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}")
        _migrate(connection, file)
    except BaseException:
        connection.close()  # rolls back an unfinished migration
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


def _version(row: Mapping[str, Any]) -> int:
    version: int = row["version"]
    return version


def _fetch(connection: sqlite3.Connection, statement: str, values: dict[str, Any]) -> list[sqlite3.Row]:
    return connection.execute(statement, values).fetchall()


def _read(
    connection: sqlite3.Connection,
    answers: Answers,
    parse: Callable[[Mapping[str, Any]], Any],
    query: str,
    values: dict[str, Any],
) -> Read:
    rows: list[Any] = _fetch(connection, statements()[query], values)
    return Read(records=tuple(map(parse, rows)), writes=answers.writes(query))


def _run_transaction(connection: sqlite3.Connection, work: Work, answers: Answers) -> dict[str, int]:
    try:
        _commit(connection, work)
    finally:
        answers.written(statement for statement, _ in work)
    return {query: answers.writes(query) for query in ONE.values()}


def _commit(connection: sqlite3.Connection, work: Work) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement, values in work:
            connection.execute(statement, values)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def _unavailable(error: Exception, file: Path) -> StoreUnavailable:
    what = "pvdify's database does not work"
    next = "check that the disk under the data directory is not read-only, then run `pvdify status`"
    cause = system_error(error, file)
    if cause is not None:
        return storage_error(StoreUnavailable, what, cause, next=next)
    return StoreUnavailable(what, why=str(error), next=next)
