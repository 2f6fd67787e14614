"""The ``outbox`` port: subscriptions and deliveries."""

from datetime import datetime

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.adapters.sqlite.rows import TABLES, to_row
from pvdify.model.event import Event
from pvdify.model.notice import Cursor, Delivery, Subscription


class OutboxRecords(Records):
    """The methods of ``SqliteStore`` for notifications."""

    async def save_deliveries(self, deliveries: tuple[Delivery, ...], cursor: Cursor | None = None) -> None:
        insert = statements()["insert_delivery"]
        moved = [(TABLES[Cursor].upsert, to_row(cursor))] if cursor else []
        await self._write([*((insert, to_row(delivery)) for delivery in deliveries), *moved])

    async def update_delivery(self, delivery: Delivery) -> None:
        await self._write([(statements()["update_delivery"], to_row(delivery))])

    async def save_subscription(self, subscription: Subscription, event: Event) -> None:
        await self._write([(TABLES[type(record)].upsert, to_row(record)) for record in (subscription, event)])

    async def delete_subscription(self, id: str, event: Event) -> None:
        forget = [(statements()[f"forget_{what}"], {"id": id}) for what in ("subscription", "its_deliveries")]
        await self._write([*forget, (TABLES[Event].upsert, to_row(event))])

    async def subscriptions(self) -> tuple[Subscription, ...]:
        return await self._all(Subscription, "subscriptions")

    async def subscription(self, id: str) -> Subscription | None:
        found = await self._all(Subscription, "subscription", id=id)
        return found[0] if found else None

    async def cursor(self, name: str) -> Cursor | None:
        found = await self._all(Cursor, "cursor", name=name)
        return found[0] if found else None

    async def events_after(self, id: int, limit: int) -> tuple[Event, ...]:
        return await self._all(Event, "events_after", id=id, limit=limit)

    async def deliveries_due(self, now: datetime, limit: int) -> tuple[Delivery, ...]:
        return await self._all(Delivery, "deliveries_due", now=_stamp(now), limit=limit)

    async def deliveries(self, subscription: str | None, limit: int) -> tuple[Delivery, ...]:
        return await self._all(Delivery, "deliveries", subscription=subscription, limit=limit)

    async def pending(self) -> int:
        (row,) = await self._rows("pending_deliveries")
        return int(row["count"])

    async def forget_events(self, before: datetime, keep: int, delivered: int, limit: int) -> int:
        which = {"before": _stamp(before), "keep": keep, "delivered": delivered}
        (found,) = await self._rows("forgettable_events", **which)
        if found["count"]:
            await self._write([(statements()["forget_events"], {**which, "limit": limit})])
        return max(0, int(found["count"]) - limit)

    async def forget_deliveries(self, before: datetime) -> None:
        await self._write([(statements()["forget_old_deliveries"], {"before": _stamp(before)})])


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
