"""Renaming of apps: changes every record of an app in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.adapters.sqlite.rows import TABLES, to_row
from pvdify.model.former_name import FormerName
from pvdify.ports.store import Record

# (table, column) pairs that contain an app's name, in addition to every column named ``app``.
_NAMES = (("apps", "name"), ("previews", "name"), ("previews", "parent"), ("services", "owner"))


class RenamingRecords(Records):
    """The methods of ``SqliteStore`` for renaming apps."""

    async def rename_apps(self, names: Sequence[tuple[str, str]], since: datetime, *records: Record) -> None:
        """See the store's port."""
        columns = [(row["name"], "app") for row in await self._rows("tables_of_apps")] + list(_NAMES)
        work: list[tuple[str, dict[str, Any]]] = []
        for old, new in names:
            values = {"old": old, "new": new}
            work += [
                (f"UPDATE OR REPLACE {table} SET {column} = :new WHERE {column} = :old", values)  # noqa: S608 - ours
                for table, column in columns
            ]
            work += [(statements()[name], values) for name in ("rename_operations", "rename_config_sources")]
            work.append((statements()["forget_former_name"], {"name": new}))
            former = FormerName(name=old, app=new, since=since)
            work.append((TABLES[FormerName].upsert, to_row(former)))
        await self._write([*work, *((TABLES[type(record)].upsert, to_row(record)) for record in records)])

    async def former_names(self) -> tuple[FormerName, ...]:
        """See the store's port."""
        return await self._all(FormerName, "former_names")
