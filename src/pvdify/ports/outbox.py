"""Subscriptions and deliveries, kept until they are made."""

from datetime import datetime
from typing import Protocol

from pvdify.model.event import Event
from pvdify.model.notice import Cursor, Delivery, Subscription


class Outbox(Protocol):
    """Durable records of subscriptions and deliveries. Every method raises StoreUnavailable and nothing else."""

    async def save_deliveries(self, deliveries: tuple[Delivery, ...], cursor: Cursor | None = None) -> None:
        """Write all of these, new or changed, and how far the events have been read, in one transaction.

        A delivery that is there already and was new in this call stays as it is.
        """
        ...

    async def update_delivery(self, delivery: Delivery) -> None:
        """Write what became of a delivery; one whose subscription has gone meanwhile stays gone."""
        ...

    async def save_subscription(self, subscription: Subscription, event: Event) -> None:
        """Write a subscription, new or changed, and that it was."""
        ...

    async def delete_subscription(self, id: str, event: Event) -> None:
        """Forget a subscription with its deliveries, and note that."""
        ...

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """All subscriptions, oldest first."""
        ...

    async def subscription(self, id: str) -> Subscription | None: ...

    async def cursor(self, name: str) -> Cursor | None:
        """How far a reader has come."""
        ...

    async def events_after(self, id: int, limit: int) -> tuple[Event, ...]:
        """Events that came after this one, oldest first."""
        ...

    async def deliveries_due(self, now: datetime, limit: int) -> tuple[Delivery, ...]:
        """Pending deliveries whose time has come, at most ``limit`` of each subscription, the longest due first."""
        ...

    async def deliveries(self, subscription: str | None, limit: int) -> tuple[Delivery, ...]:
        """Deliveries, of one subscription if it is named, newest first."""
        ...

    async def pending(self) -> int:
        """How many deliveries are still to be made."""
        ...

    async def forget_events(self, before: datetime, keep: int, delivered: int, limit: int) -> int:
        """Forget the oldest events, at most ``limit``: those of before then, and all but the newest ``keep``.

        An event after the position ``delivered`` stays. Return how many are left to forget.
        """
        ...

    async def forget_deliveries(self, before: datetime) -> None:
        """Forget those that ended before this moment."""
        ...
