"""Tokens: create, check and revoke them."""

from dataclasses import replace
from datetime import datetime, timedelta

from pvdify.engine.world.not_found import no_app
from pvdify.errors import DeniedError, InvalidError, NotSignedIn, TokenNotFound
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.token import Actor, Role, Token, digest_of, id_in, is_good, is_valid, new_token_text
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store

LONGEST_NAME = 80
LONGEST_LIFE = 100 * 365 * 86400  # seconds; Python's dates end with the year 9999
NOTED_EVERY = timedelta(minutes=1)  # limits the writes of `last_used_at`


class Tokens:
    """Creates, checks and revokes tokens."""

    def __init__(self, *, clock: Clock, store: Store) -> None:
        self._clock, self._store = clock, store

    async def create(
        self, name: str, role: Role, app: str | None, expires_in: float | None, actor: Actor
    ) -> tuple[Token, str]:
        """Create a token; return it with its text, which is not stored. ``expires_in``: seconds, None for never.

        Raises InvalidError, AppNotFound, StoreUnavailable.
        """
        token, text = await self.draft(name, role, app, expires_in, actor)
        await self.keep(token, actor)
        return token, text

    async def draft(
        self, name: str, role: Role, app: str | None, expires_in: float | None, actor: Actor
    ) -> tuple[Token, str]:
        """Return a new token and its text. The token is not valid until ``keep`` stores it.

        Raises InvalidError, AppNotFound, StoreUnavailable.
        """
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise InvalidError(f"a token's name has 1 to {LONGEST_NAME} printable characters", next="choose another")
        if app is not None and role is Role.ADMIN:
            raise InvalidError("an admin token is good for the whole server", next="leave out the app, or the role")
        if expires_in is not None and expires_in <= 0:
            raise InvalidError("the token would have expired already", next="pass a longer time, like 90d")
        if expires_in is not None and expires_in > LONGEST_LIFE:
            raise InvalidError("a token expires within 100 years", next="leave the time out: then it never expires")
        if app is not None and await self._store.app(app) is None:
            raise no_app(app)
        return fresh_token(name, role, app, expires_in, actor.name, self._clock.now())

    async def keep(self, token: Token, actor: Actor) -> None:
        """Store a token, which makes it valid. Raises StoreUnavailable."""
        text = f"{token.name} ({token.role.value})"
        event = Event(
            at=token.created_at,
            actor=actor.name,
            address=actor.address,
            action=Action.TOKEN_CREATED,
            app=token.app,
            text=text,
        )
        await self._store.save(token, event)

    async def revoke(self, token_id: str, actor: Actor) -> None:
        """Revoke a token at once. Raises TokenNotFound, StoreUnavailable."""
        token = await self._store.token(token_id)
        if token is None or token.revoked_at is not None:
            raise TokenNotFound(f"there is no token {token_id}", next="`pvdify tokens` lists them")
        now = self._clock.now()
        event = Event(
            at=now, actor=actor.name, address=actor.address, action=Action.TOKEN_REVOKED, app=token.app, text=token.name
        )
        await self._store.save(replace(token, revoked_at=now), event)

    async def actor_of(self, text: str) -> Actor:
        """Return the actor that the text of a token belongs to. Raises NotSignedIn, StoreUnavailable."""
        token_id, now = id_in(text), self._clock.now()
        token = await self._store.token(token_id) if token_id else None
        if token is None or not is_valid(token, text, now):
            expired = token is not None and token.expires_at is not None and token.expires_at <= now
            raise NotSignedIn(
                "this token is not good for this server",
                why="it has expired" if expired else "it is unknown or was revoked",
                next="`pvdify login` with another token; an admin makes one with `pvdify tokens:create --name NAME`",
            )
        if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
            await self._store.note_token_use(token.id, now)
        return Actor(name=token.name, role=token.role, app=token.app, token=token.id)

    async def actor_with(self, token_id: str) -> Actor:
        """Return the actor of the token with this id. Raises NotSignedIn, StoreUnavailable."""
        token, now = await self._store.token(token_id), self._clock.now()
        if token is None or not is_good(token, now):
            raise NotSignedIn(
                "this session's token is revoked or has expired", next="`pvdify open` makes a new session"
            )
        return Actor(name=token.name, role=token.role, app=token.app, token=token.id)


def fresh_token(
    name: str, role: Role, app: str | None, expires_in: float | None, by: str, now: datetime
) -> tuple[Token, str]:
    """Return a new token and its text, without storing them. ``expires_in``: seconds, None for never."""
    token_id, text = new_token_text()
    token = Token(
        id=token_id,
        name=name,
        role=role,
        app=app,
        digest=digest_of(text),
        created_at=now,
        created_by=by,
        expires_at=now + timedelta(seconds=expires_in) if expires_in else None,
    )
    return token, text


def check_allowed(actor: Actor, needed: Role, app: str | None) -> None:
    """Raise DeniedError unless the actor has the role for this app (None: for the whole server)."""
    if not actor.role.includes(needed):
        raise DeniedError(
            f"this needs a token with the role {needed.value}; {actor.name} has {actor.role.value}",
            next="ask an admin for one: `pvdify tokens:create --name NAME --role " + needed.value + "`",
        )
    if not actor.reaches(app):
        raise DeniedError(
            f"{actor.name} is good for the app {actor.app} only",
            next=f"use it for {actor.app}, or ask an admin for another token",
        )
