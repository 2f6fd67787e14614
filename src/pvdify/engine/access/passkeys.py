"""Passkeys: add, remove, and sign in with them."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pvdify.engine.access.sessions import Sessions, SignedIn
from pvdify.engine.access.users import holder_for
from pvdify.errors import ConflictError, InvalidError, SignInRefused, UserNotFound
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.passkey import Passkey, Site
from pvdify.model.sign_in import refused
from pvdify.model.token import Actor
from pvdify.model.user import HolderKind, Session, User
from pvdify.ports.clock import Clock
from pvdify.ports.passkey_checks import PasskeyChecks
from pvdify.ports.people_store import PeopleStore

GOOD_FOR = timedelta(minutes=5)
MOST_PENDING = 1000  # challenges at the same time; new ones replace the oldest
MOST_OF_USER = 20
LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True)
class PendingChallenge:
    """A challenge that was sent to a browser and not yet answered."""

    challenge: bytes
    until: datetime


class Passkeys:
    """Requests about passkeys. Challenges are kept in memory, are valid for 5 minutes, and can be used once."""

    def __init__(self, *, clock: Clock, people: PeopleStore, sessions: Sessions, checks: PasskeyChecks) -> None:
        self._clock = clock
        self._people, self._sessions, self._checks = people, sessions, checks
        self._pending: dict[str, PendingChallenge] = {}

    async def list(self, user: str) -> tuple[Passkey, ...]:
        """Return a user's passkeys, the oldest first. Raises StoreUnavailable."""
        return await self._people.passkeys(user)

    async def ask_for_new(self, signed_in: SignedIn, site: Site) -> str:
        """Return the options with which a signed-in user's browser creates a passkey.

        Raises InvalidError (the session does not belong to a user), ConflictError (too many passkeys).
        """
        user, known = await self._user(signed_in), await self._people.passkeys(signed_in.session.holder)
        if len(known) >= MOST_OF_USER:
            raise ConflictError(f"{user.name} has {MOST_OF_USER} passkeys", next="remove one first")
        return self._checks.ask_for_new(site, user, self._challenge(_own(signed_in)), known)

    async def add(self, signed_in: SignedIn, site: Site, answer: str, name: str) -> Passkey:
        """Check and store the passkey that a browser has created. Raises SignInRefused, InvalidError, ConflictError."""
        user = await self._user(signed_in)
        made = self._checks.check_new(site, self._taken(_own(signed_in)), answer)
        if await self._people.passkey(made.id) is not None:
            raise ConflictError("this passkey is known already", next="sign in with it, or register another device")
        shown = "".join(it for it in name.strip() if it.isprintable())[:LONGEST_NAME] or "passkey"
        now = self._clock.now()
        passkey = Passkey(
            id=made.id, user=user.id, name=shown, public_key=made.public_key, uses=made.uses, created_at=now
        )  # fmt: skip
        await self._people.save_people(passkey, self._event(Action.USER_PASSKEY_ADDED, signed_in.actor, shown))
        return passkey

    async def remove(self, id: str, signed_in: SignedIn) -> Passkey:
        """Remove a passkey of the signed-in user. Raises UserNotFound if the user has no such passkey."""
        passkey = await self._people.passkey(id)
        if passkey is None or signed_in.session.kind is not HolderKind.USER or passkey.user != signed_in.session.holder:
            raise UserNotFound("you have no such passkey", next="your account page lists your passkeys")
        await self._people.forget_passkey(
            passkey, self._event(Action.USER_PASSKEY_REMOVED, signed_in.actor, passkey.name)
        )  # fmt: skip
        return passkey

    def ask(self, site: Site) -> tuple[str, str]:
        """Return the options for a sign-in with a passkey, and the value of the cookie that ``sign_in`` requires."""
        kept = secrets.token_urlsafe(32)
        return self._checks.ask(site, self._challenge(kept)), kept

    async def sign_in(self, site: Site, kept: str, answer: str, address: str, agent: str) -> tuple[Session, str]:
        """Check the answer to a challenge; return the new session and its cookie.

        ``kept``: the cookie's value from ``ask``. Raises SignInRefused, TooManyRequests, StoreUnavailable.
        """
        self._sessions.check_attempts(address)
        try:
            challenge = self._taken(kept)
            passkey = await self._people.passkey(self._checks.id_in(answer))
            user = await self._people.user(passkey.user) if passkey is not None else None
            if passkey is None or user is None or user.removed_at is not None:
                raise refused("no user of this server has this passkey")
            uses = self._checks.check(site, challenge, answer, passkey)
        except SignInRefused:
            self._sessions.note_failure(address)
            raise
        await self._people.note_passkey_use(passkey.id, uses, self._clock.now())
        return await self._sessions.start(holder_for(user), "passkey", address, agent)

    async def _user(self, signed_in: SignedIn) -> User:
        user = None
        if signed_in.session.kind is HolderKind.USER:
            user = await self._people.user(signed_in.session.holder)
        if user is None:
            raise InvalidError(
                "passkeys are for people who were invited", why=f"you are signed in as {signed_in.actor.name}",
                next="invite yourself: `pvdify users:invite NAME --role admin`",
            )  # fmt: skip
        return user

    def _challenge(self, key: str) -> bytes:
        now = self._clock.now()
        self._pending = {other: it for other, it in self._pending.items() if it.until > now and other != key}
        while len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[key] = PendingChallenge(challenge=secrets.token_bytes(32), until=now + GOOD_FOR)
        return self._pending[key].challenge

    def _taken(self, key: str) -> bytes:
        pending = self._pending.pop(key, None)
        if pending is None or pending.until <= self._clock.now():
            raise refused("this browser was not asked for a passkey, or too long ago")
        return pending.challenge

    def _event(self, action: Action, actor: Actor, text: str) -> Event:
        now = self._clock.now()
        return Event(at=now, actor=actor.name, address=actor.address, action=action, text=text)


def _own(signed_in: SignedIn) -> str:
    return f"session {signed_in.session.id}"
