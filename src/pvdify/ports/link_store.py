"""The part of the journal that holds which repository may deploy which app."""

from datetime import datetime
from typing import Protocol

from pvdify.model.event import Event
from pvdify.model.link import Link
from pvdify.model.token import Token


class LinkStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def save_link(self, link: Link, event: Event) -> None:
        """Write a link; an app has one for each repository."""
        ...

    async def delete_link(self, link: Link, tokens: tuple[Token, ...], event: Event) -> None:
        """Forget a link, and write the tokens that it gave, revoked."""
        ...

    async def links(self, app: str | None = None) -> tuple[Link, ...]:
        """All links, or those of one app, by app and repository."""
        ...

    async def is_identity_used(self, id: str) -> bool:
        """Whether a workflow's token with this id was exchanged before."""
        ...

    async def save_exchange(self, id: str, expires_at: datetime, token: Token, event: Event) -> None:
        """A workflow's token with this id, good until then, was exchanged for one of ours."""
        ...

    async def forget_exchanges(self, before: datetime) -> None:
        """Workflows' tokens, and ours that they were exchanged for, are forgotten once they ended before then."""
        ...
