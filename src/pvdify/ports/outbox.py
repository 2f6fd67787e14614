"""Subscriptions to events, and deliveries, which are kept until they are made."""

from datetime import datetime
from typing import Protocol

from pvdify.model.event import Event
from pvdify.model.notice import Cursor, Delivery, Subscription


class Outbox(Protocol):
    """Durable records of subscriptions and deliveries. Every method raises StoreUnavailable and nothing else."""

    async def save_deliveries(self, deliveries: tuple[Delivery, ...], cursor: Cursor | None = None) -> None:
        """Write deliveries, new or changed, and the position up to which events were read, in one transaction.

        A new delivery whose id is stored already is not overwritten.
        """
        ...

    async def update_delivery(self, delivery: Delivery) -> None:
        """Write the result of a delivery. Does nothing if its subscription was deleted meanwhile."""
        ...

    async def save_subscription(self, subscription: Subscription, event: Event) -> None:
        """Write a subscription, new or changed, and the event."""
        ...

    async def delete_subscription(self, id: str, event: Event) -> None:
        """Delete a subscription with its deliveries, and write the event."""
        ...

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """Return all subscriptions, oldest first."""
        ...

    async def subscription(self, id: str) -> Subscription | None: ...

    async def cursor(self, name: str) -> Cursor | None:
        """Return a reader's position in the events."""
        ...

    async def events_after(self, id: int, limit: int) -> tuple[Event, ...]:
        """Return the events after this id, oldest first."""
        ...

    async def deliveries_due(self, now: datetime, limit: int) -> tuple[Delivery, ...]:
        """Return pending deliveries that are due, longest due first, at most ``limit`` of each subscription."""
        ...

    async def deliveries(self, subscription: str | None, limit: int) -> tuple[Delivery, ...]:
        """Return deliveries, of one subscription if given, newest first."""
        ...

    async def pending(self) -> int:
        """Return the number of deliveries that are still to be made."""
        ...

    async def forget_events(self, before: datetime, keep: int, delivered: int, limit: int) -> int:
        """Delete the oldest events, at most ``limit``: events from before ``before``, and all but the newest ``keep``.

        Events after the position ``delivered`` stay. Returns how many events are left to delete.
        """
        ...

    async def forget_deliveries(self, before: datetime) -> None:
        """Delete deliveries that ended before this moment."""
        ...
