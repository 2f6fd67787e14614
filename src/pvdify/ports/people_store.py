"""The part of the journal that holds people and their sessions."""

from datetime import datetime
from typing import Protocol

from pvdify.model.event import Event
from pvdify.model.passkey import Passkey
from pvdify.model.user import HolderKind, Session, User


class PeopleStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def save_people(self, *records: User | Session | Passkey | Event) -> None:
        """Write all of these, new or changed, in one transaction."""
        ...

    async def user(self, id: str) -> User | None:
        """Return one user, removed or not."""
        ...

    async def users(self) -> tuple[User, ...]:
        """Return the users that are not removed, by name."""
        ...

    async def was_removed(self, issuer: str, subject: str) -> bool:
        """Whether a user with this account was removed."""
        ...

    async def session(self, id: str) -> Session | None:
        """Return one session, over or not."""
        ...

    async def sessions(self, now: datetime) -> tuple[Session, ...]:
        """Return the sessions that are neither revoked nor expired, the newest first."""
        ...

    async def revoke_sessions(self, kind: HolderKind, holder: str, at: datetime, event: Event) -> None:
        """Revoke every session of this holder."""
        ...

    async def forget_sessions(self, before: datetime) -> None:
        """Delete sessions that were revoked or expired before then."""
        ...

    async def passkey(self, id: str) -> Passkey | None:
        """Return one passkey."""
        ...

    async def passkeys(self, user: str) -> tuple[Passkey, ...]:
        """Return a user's passkeys, the oldest first."""
        ...

    async def forget_passkey(self, passkey: Passkey, event: Event) -> None:
        """Delete a passkey, and write the event."""
        ...
