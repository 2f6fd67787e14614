"""Records <-> rows: one table a record type, one column a field."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from pvdify.model.app import App
from pvdify.model.config import ConfigVersion
from pvdify.model.event import Event, IdempotentRequest
from pvdify.model.link import Link
from pvdify.model.notice import Cursor, Delivery, Subscription
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.slot import Slot
from pvdify.model.token import Token
from pvdify.model.webhook import SeenWebhook

RecordT = TypeVar("RecordT")
_SCALARS = (str, int, datetime, Enum)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One field of a record type. A scalar has a column type of its own; everything else is JSON text."""

    name: str
    adapter: TypeAdapter[Any]
    is_scalar: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """Where a record type is kept, and the statement that writes one, new or changed."""

    columns: tuple[Column, ...]
    upsert: str


def to_row(record: Any) -> dict[str, str | int | None]:
    """Column values of a record."""
    return {column.name: _to_column(getattr(record, column.name), column) for column in TABLES[type(record)].columns}


def from_row(record_type: type[RecordT], row: Mapping[str, Any]) -> RecordT:
    """The record in a row."""
    columns = TABLES[record_type].columns
    return record_type(**{column.name: _from_column(row[column.name], column) for column in columns})


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
    return Table(columns=columns, upsert=_upsert(name, key, [column.name for column in columns]))


def _is_scalar(hint: Any) -> bool:
    members = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return all(member is type(None) or issubclass(get_origin(member) or member, _SCALARS) for member in members)


def _upsert(table: str, key: tuple[str, ...], names: list[str]) -> str:
    # An event has no id until the database gives it one.
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
    SeenWebhook: _table(SeenWebhook, "seen_webhooks", "id"),
}
