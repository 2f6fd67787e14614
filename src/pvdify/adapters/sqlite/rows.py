"""Conversion between records and rows: one table for each record type, one column for each field."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from pvdify.model.app import App
from pvdify.model.backup import Backup, BackupPlan, BackupTask
from pvdify.model.config import ConfigVersion
from pvdify.model.event import Event, IdempotentRequest
from pvdify.model.former_name import FormerName
from pvdify.model.grant import Grant
from pvdify.model.job import JobRecord, JobRun
from pvdify.model.link import Link
from pvdify.model.notice import Cursor, Delivery, Subscription
from pvdify.model.operation import Operation
from pvdify.model.passkey import Passkey
from pvdify.model.preview import Preview
from pvdify.model.release import Release, SwitchCount
from pvdify.model.runtime_choice import RuntimeChoice
from pvdify.model.scale import Scale
from pvdify.model.service import Service, ServiceLink
from pvdify.model.slot import Slot
from pvdify.model.status import NotedStatus
from pvdify.model.token import Token
from pvdify.model.user import Session, User
from pvdify.model.volume import AppVolume
from pvdify.model.webhook import SeenWebhook

RecordT = TypeVar("RecordT")
REMEMBERED = 512  # of the last records that were read; others are known as long as an answer or a view has them
_SCALARS = (str, int, datetime, Enum)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of a record type. Scalars are stored as SQL text or integers, all other values as JSON text."""

    name: str
    adapter: TypeAdapter[Any]
    is_scalar: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """The columns of a record type, its key's columns, and the statement that inserts or updates a record."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    upsert: str


def to_row(record: Any) -> dict[str, str | int | None]:
    """Return the column values of a record."""
    return {column.name: _to_column(getattr(record, column.name), column) for column in TABLES[type(record)].columns}


def remember(record: Any, row: Mapping[str, str | int | None]) -> None:
    """Let ``from_row`` return this record for its row, as long as it is in use: it is not parsed again."""
    _alive[type(record), tuple(row.values())] = record


def from_row(record_type: type[RecordT], row: Mapping[str, Any]) -> RecordT:
    """Return the record in a row. Records are immutable, so equal rows return the same cached object."""
    values = tuple(row[column.name] for column in TABLES[record_type].columns)
    record: RecordT = _record(record_type, values)  # type: ignore[arg-type]  # every class can be hashed
    return record


# Parsing a release's manifest again takes about a hundred times as long as finding the record.
_alive: WeakValueDictionary[tuple[type, tuple[str | int | None, ...]], Any] = WeakValueDictionary()


@lru_cache(maxsize=REMEMBERED)
def _record(record_type: type, values: tuple[str | int | None, ...]) -> Any:
    record = _alive.get((record_type, values))
    if record is None:
        columns = TABLES[record_type].columns
        record = record_type(
            **{column.name: _from_column(value, column) for column, value in zip(columns, values, strict=True)}
        )
        _alive[record_type, values] = record
    return record


def _to_column(value: Any, column: Column) -> str | int | None:
    if value is None or not column.is_scalar:
        return None if value is None else column.adapter.dump_json(value).decode()
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Enum):
        return str(value.value)
    return int(value) if isinstance(value, bool) else value


def _from_column(value: str | int | None, column: Column) -> Any:
    if value is None:
        return None
    return column.adapter.validate_python(value) if column.is_scalar else column.adapter.validate_json(str(value))


def _table(record_type: type, name: str, *key: str) -> Table:
    hints = get_type_hints(record_type)
    columns = tuple(
        Column(name=item.name, adapter=TypeAdapter(hints[item.name]), is_scalar=_is_scalar(hints[item.name]))
        for item in fields(record_type)
    )
    return Table(columns=columns, key=key, upsert=_upsert(name, key, [column.name for column in columns]))


def _is_scalar(hint: Any) -> bool:
    members = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return all(member is type(None) or issubclass(get_origin(member) or member, _SCALARS) for member in members)


def _upsert(table: str, key: tuple[str, ...], names: list[str]) -> str:
    # The database assigns the ids of events.
    written = [name for name in names if (table, name) != ("events", "id")]
    changed = ", ".join(f"{name} = excluded.{name}" for name in written if name not in key)
    return (
        f"INSERT INTO {table} ({', '.join(written)}) "  # noqa: S608 - names of our own tables and fields
        f"VALUES ({', '.join(f':{name}' for name in written)}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"
    )


TABLES: dict[type, Table] = {
    App: _table(App, "apps", "name"),
    Release: _table(Release, "releases", "app", "version"),
    SwitchCount: _table(SwitchCount, "switch_counts", "app", "release"),
    Scale: _table(Scale, "scales", "app"),
    NotedStatus: _table(NotedStatus, "noted_statuses", "app"),
    Slot: _table(Slot, "slots", "app", "number"),
    Operation: _table(Operation, "operations", "id"),
    ConfigVersion: _table(ConfigVersion, "config_versions", "app", "version"),
    Preview: _table(Preview, "previews", "name"),
    Token: _table(Token, "tokens", "id"),
    Event: _table(Event, "events", "id"),
    IdempotentRequest: _table(IdempotentRequest, "idempotent_requests", "key", "actor"),
    Subscription: _table(Subscription, "subscriptions", "id"),
    Delivery: _table(Delivery, "deliveries", "id"),
    Cursor: _table(Cursor, "cursors", "name"),
    Link: _table(Link, "links", "app", "repository_id"),
    Grant: _table(Grant, "grants", "app", "kind", "name"),
    SeenWebhook: _table(SeenWebhook, "seen_webhooks", "id"),
    JobRecord: _table(JobRecord, "job_records", "app", "job"),
    JobRun: _table(JobRun, "job_runs", "app", "job", "number"),
    Backup: _table(Backup, "backups", "id"),
    BackupPlan: _table(BackupPlan, "backup_plans", "name"),
    BackupTask: _table(BackupTask, "backup_tasks", "id"),
    RuntimeChoice: _table(RuntimeChoice, "runtime_choices", "id"),
    AppVolume: _table(AppVolume, "volumes", "id"),
    User: _table(User, "users", "id"),
    Session: _table(Session, "sessions", "id"),
    Passkey: _table(Passkey, "passkeys", "id"),
    FormerName: _table(FormerName, "former_names", "name"),
    Service: _table(Service, "services", "id"),
    ServiceLink: _table(ServiceLink, "service_links", "service", "app"),
}
