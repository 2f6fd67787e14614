"""The part of the store that holds users, their sessions and passkeys."""

from datetime import datetime
from typing import Protocol

from pvdify.model.event import Event
from pvdify.model.passkey import Passkey
from pvdify.model.user import HolderKind, Session, User


class PeopleStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def save_people(self, *records: User | Session | Passkey | Event) -> None:
        """Write all records, new or changed, in one transaction."""
        ...

    async def user(self, id: str) -> User | None:
        """Return the user with this id, removed or not."""
        ...

    async def users(self) -> tuple[User, ...]:
        """Return the users that are not removed, sorted by name."""
        ...

    async def was_removed(self, issuer: str, subject: str) -> bool:
        """Return whether a user with this account was removed."""
        ...

    async def session(self, id: str) -> Session | None:
        """Return the session with this id, ended or not."""
        ...

    async def sessions(self, now: datetime) -> tuple[Session, ...]:
        """Return the sessions that are neither revoked nor expired, newest first."""
        ...

    async def revoke_sessions(self, kind: HolderKind, holder: str, at: datetime, event: Event) -> None:
        """Revoke every session of this holder, and write the event."""
        ...

    async def note_use(self, session: str, at: datetime) -> None:
        """Record when a session was used, and its user was seen. Changes nothing else of them."""
        ...

    async def forget_sessions(self, before: datetime) -> None:
        """Delete sessions that were revoked or expired before this moment."""
        ...

    async def passkey(self, id: str) -> Passkey | None: ...

    async def passkeys(self, user: str) -> tuple[Passkey, ...]:
        """Return a user's passkeys, oldest first."""
        ...

    async def note_passkey_use(self, id: str, uses: int, at: datetime) -> None:
        """Record a sign-in with a passkey: its new count of uses, and when. Changes nothing if it was deleted."""
        ...

    async def forget_passkey(self, passkey: Passkey, event: Event) -> None:
        """Delete a passkey, and write the event."""
        ...
