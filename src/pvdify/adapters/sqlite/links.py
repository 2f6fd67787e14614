"""The ``link_store`` port: the records of which repository may deploy which app."""

from datetime import datetime

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.adapters.sqlite.rows import TABLES, to_row
from pvdify.model.event import Event
from pvdify.model.grant import Grant
from pvdify.model.link import Link
from pvdify.model.token import Token


class LinkRecords(Records):
    """The methods of ``SqliteStore`` for links, grants and token exchanges."""

    async def save_link(self, link: Link, event: Event) -> None:
        await self._write([(TABLES[type(record)].upsert, to_row(record)) for record in (link, event)])

    async def delete_link(self, link: Link, tokens: tuple[Token, ...], event: Event) -> None:
        forget = (statements()["forget_link"], {"app": link.app, "repository_id": link.repository_id})
        await self._write([forget, *((TABLES[type(it)].upsert, to_row(it)) for it in (*tokens, event))])

    async def grants(self, app: str) -> tuple[Grant, ...]:
        """See the store's port."""
        return await self._all(Grant, "grants", app=app)

    async def delete_grant(self, grant: Grant, event: Event) -> None:
        """See the store's port."""
        values = {"app": grant.app, "kind": grant.kind.value, "name": grant.name}
        await self._write([(statements()["forget_grant"], values), (TABLES[Event].upsert, to_row(event))])

    async def links(self, app: str | None = None) -> tuple[Link, ...]:
        return await self._all(Link, "links", app=app)

    async def origin_of(self, app: str) -> tuple[str, int | None] | None:
        """See the store's port."""
        found = await self._rows("origin", app=app)
        return (found[0]["repository"], found[0]["number"]) if found else None

    async def is_identity_used(self, id: str) -> bool:
        return bool(await self._rows("used_identity", id=id))

    async def save_exchange(self, id: str, expires_at: datetime, token: Token, event: Event) -> None:
        used = (statements()["insert_used_identity"], {"id": id, "expires_at": _stamp(expires_at)})
        await self._write([used, *((TABLES[type(it)].upsert, to_row(it)) for it in (token, event))])

    async def forget_exchanges(self, before: datetime) -> None:
        values = {"before": _stamp(before)}
        await self._write([(statements()[f"forget_{what}"], values) for what in ("used_identities", "ended_tokens")])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
