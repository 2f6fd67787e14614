"""The part of the store that holds the links of repositories to the apps that they may deploy."""

from datetime import datetime
from typing import Protocol

from pvdify.model.event import Event
from pvdify.model.link import Link
from pvdify.model.token import Token


class LinkStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def save_link(self, link: Link, event: Event) -> None:
        """Write a link and the event. An app has at most one link for each repository."""
        ...

    async def delete_link(self, link: Link, tokens: tuple[Token, ...], event: Event) -> None:
        """Delete a link, and write its tokens, revoked, and the event."""
        ...

    async def links(self, app: str | None = None) -> tuple[Link, ...]:
        """Return all links, or those of one app, sorted by app and repository."""
        ...

    async def is_identity_used(self, id: str) -> bool:
        """Return whether a workflow's token with this id was exchanged before."""
        ...

    async def save_exchange(self, id: str, expires_at: datetime, token: Token, event: Event) -> None:
        """Record that a workflow's token was exchanged for ``token``.

        ``id`` and ``expires_at`` are those of the workflow's token.
        """
        ...

    async def forget_exchanges(self, before: datetime) -> None:
        """Delete the records of workflows' tokens that expired before then, and the tokens they were exchanged for."""
        ...
