"""Sessions of browsers: sign-in links, cookies, sign-out. The holder's rights are looked up at each request."""

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pvdify.engine.access.limits import Limit
from pvdify.engine.access.tokens import Tokens
from pvdify.errors import DeniedError, NotSignedIn, SessionNotFound, StoreUnavailable
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.token import Actor, Role, digest_of
from pvdify.model.user import Holder, HolderKind, Session
from pvdify.ports.clock import Clock
from pvdify.ports.people_store import PeopleStore

LINK_SECONDS = 60.0
MOST_LINKS = 1000  # valid links at the same time; new ones replace the oldest
LIFE = {
    HolderKind.USER: timedelta(days=30),
    HolderKind.TOKEN: timedelta(hours=12),
    HolderKind.ROOT: timedelta(hours=12),
}
IDLE = timedelta(days=7)  # a session ends when it was not used for this long
NOTED_EVERY = timedelta(minutes=1)  # limits the writes of `last_used_at`
REMEMBERED = timedelta(days=30)  # how long the record of an ended session is kept
LONGEST_AGENT = 200
PREFIX = "pvs"
ROOT = Actor(name="root", role=Role.ADMIN)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """The session of a request, with its holder's current rights. ``key``: the CSRF token of this session's forms."""

    session: Session
    actor: Actor
    key: str


class Sessions:
    """Starts, checks, lists and ends sessions."""

    def __init__(self, *, clock: Clock, people: PeopleStore, tokens: Tokens) -> None:
        self._clock = clock
        self._people, self._tokens = people, tokens
        self._links: dict[str, tuple[Holder, datetime]] = {}
        self._failures = Limit(clock, "failed sign-ins from this address", most=10, per_second=0.1)

    def make_link(self, actor: Actor) -> tuple[str, datetime]:
        """Return the secret of a link that signs one browser in as this actor, and the time when the link expires."""
        now = self._clock.now()
        self._links = {digest: it for digest, it in self._links.items() if it[1] > now}
        while len(self._links) >= MOST_LINKS:
            del self._links[next(iter(self._links))]
        secret, until = secrets.token_urlsafe(32), now + timedelta(seconds=LINK_SECONDS)
        self._links[digest_of(secret)] = (holder_of(actor), until)
        return secret, until

    async def open_link(self, secret: str, address: str, agent: str) -> tuple[Session, str]:
        """Consume a link; return the new session and its cookie. Raises NotSignedIn, TooManyRequests."""
        self.check_attempts(address)
        holder, until = self._links.pop(digest_of(secret), (None, None))
        if holder is None or until is None or until <= self._clock.now():
            self.note_failure(address)
            raise NotSignedIn(
                "this link does not sign you in",
                why=f"a link works once and for {LINK_SECONDS:g} s; this one was used, has expired or never existed",
                next="make a new one: `pvdify open`",
            )
        return await self.start(holder, "link", address, agent)

    def check_attempts(self, address: str) -> None:
        """Raise TooManyRequests if too many sign-ins from this address have failed."""
        self._failures.check(address)

    def note_failure(self, address: str) -> None:
        """Count a failed sign-in from this address."""
        self._failures.take(address)

    async def start(self, holder: Holder, way: str, address: str, agent: str) -> tuple[Session, str]:
        """Start a session; return it with the text of its cookie. ``way``: how the browser signed in.

        Raises NotSignedIn, StoreUnavailable.
        """
        await self._actor_of(holder.kind, holder.id)
        now, id = self._clock.now(), secrets.token_hex(6)
        text = f"{PREFIX}_{id}_{secrets.token_urlsafe(32)}"
        session = Session(
            id=id, digest=digest_of(text), kind=holder.kind, holder=holder.id, name=holder.name, way=way,
            address=address, agent=_printable(agent), created_at=now, last_used_at=now,
            expires_at=now + LIFE[holder.kind],
        )  # fmt: skip
        how = f"by {way}, {id}"
        event = Event(at=now, actor=holder.name, address=address, action=Action.SESSION_STARTED, text=how)
        await self._people.forget_sessions(now - REMEMBERED)
        await self._people.save_people(session, event)
        return session, text

    async def who(self, text: str) -> SignedIn | None:
        """Return the session of a cookie with its holder's current rights; None if it is unknown or over.

        Raises StoreUnavailable.
        """
        parts, now = text.split("_", 2), self._clock.now()
        session = await self._people.session(parts[1]) if len(parts) == 3 and parts[0] == PREFIX else None
        if session is None or not hmac.compare_digest(session.digest, digest_of(text)) or is_over(session, now):
            return None
        try:
            actor = await self._actor_of(session.kind, session.holder)
        except NotSignedIn:
            return None
        if now - session.last_used_at > NOTED_EVERY:
            with suppress(StoreUnavailable):  # pages can still be read while the disk is full
                await self._people.note_use(session.id, now)
        return SignedIn(session=session, actor=actor, key=hashlib.sha256(f"form {text}".encode()).hexdigest())

    async def list(self) -> tuple[Session, ...]:
        """Return the valid sessions, the newest first. Raises StoreUnavailable."""
        now = self._clock.now()
        return tuple(it for it in await self._people.sessions(now) if not is_over(it, now))

    async def revoke(self, id: str, actor: Actor) -> Session:
        """End a session. An actor who is not an admin may end only their own. Raises SessionNotFound, DeniedError."""
        session, now = await self._people.session(id), self._clock.now()
        if session is None or is_over(session, now):
            raise SessionNotFound(f"there is no session {id[:40]}", next="`pvdify sessions` lists them")
        holder = holder_of(actor)
        if actor.role is not Role.ADMIN and (session.kind, session.holder) != (holder.kind, holder.id):
            raise DeniedError(f"the session {id} is not yours", next="ask an admin to end it")
        await self._people.save_people(
            replace(session, revoked_at=now), _event(Action.SESSION_REVOKED, actor, now, session)
        )
        return session

    async def revoke_all(self, holder: Holder, actor: Actor) -> None:
        """End every session of a holder. Raises StoreUnavailable."""
        now = self._clock.now()
        event = Event(
            at=now, actor=actor.name, address=actor.address, action=Action.SESSION_REVOKED, text=f"all of {holder.name}"
        )  # fmt: skip
        await self._people.revoke_sessions(holder.kind, holder.id, now, event)

    async def _actor_of(self, kind: HolderKind, id: str) -> Actor:
        """Return the holder with its current rights. Raises NotSignedIn if the user or token is gone."""
        if kind is HolderKind.ROOT:
            return ROOT
        if kind is HolderKind.TOKEN:
            return await self._tokens.actor_with(id)
        user = await self._people.user(id)
        if user is None or user.removed_at is not None:
            raise NotSignedIn("this user was removed", next="ask an admin for an invitation")
        return user.actor


def holder_of(actor: Actor) -> Holder:
    """Return the holder of sessions that this actor starts."""
    if not actor.token:
        return Holder(kind=HolderKind.ROOT, id="", name=actor.name)
    kind, _, id = actor.token.rpartition(":")
    return Holder(kind=HolderKind.USER if kind == "user" else HolderKind.TOKEN, id=id, name=actor.name)


def is_over(session: Session, now: datetime) -> bool:
    """Return whether a session was revoked, has expired, or was idle for 7 days."""
    return session.revoked_at is not None or session.expires_at <= now or session.last_used_at + IDLE <= now


def _event(action: Action, actor: Actor, now: datetime, session: Session) -> Event:
    text = f"{session.id} of {session.name}"
    return Event(at=now, actor=actor.name, address=actor.address, action=action, text=text)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:LONGEST_AGENT])
