"""Users of the dashboard: invite them, change their roles, remove them."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from pvdify.engine.access.sessions import Sessions
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.not_found import no_app
from pvdify.errors import InvalidError, NotSignedIn, UserExists, UserNotFound
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.token import Actor, Role, digest_of
from pvdify.model.user import (
    LONGEST_NAME,
    RESERVED,
    Holder,
    HolderKind,
    Session,
    User,
    is_email,
    is_github_login,
    is_name,
)
from pvdify.ports.clock import Clock
from pvdify.ports.people_store import PeopleStore
from pvdify.ports.store import Store

INVITED_FOR = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A user to invite. ``email``, ``github``: an account that may sign in as this user without the invitation link."""

    name: str
    role: Role = Role.READ
    app: str | None = None
    email: str = ""
    github: str = ""


class Users:
    """Requests about the users of the dashboard."""

    def __init__(
        self, *, clock: Clock, locks: Locks, store: Store, people: PeopleStore, sessions: Sessions
    ) -> None:  # fmt: skip
        self._clock, self._locks, self._store = clock, locks, store
        self._people, self._sessions = people, sessions

    async def list(self) -> tuple[User, ...]:
        """Return all users, by name. Raises StoreUnavailable."""
        return await self._people.users()

    async def find(self, name: str) -> User:
        """Return the user with this name or id. Raises UserNotFound, StoreUnavailable."""
        for user in await self._people.users():
            if name in (user.name, user.id) or name.casefold() == user.name.casefold():
                return user
        raise UserNotFound(f'there is no user "{name[:LONGEST_NAME]}"', next="`pvdify users` lists them")

    async def invite(self, wanted: Invitation, actor: Actor) -> tuple[User, str]:
        """Create a user; return it with the secret of the link for the first sign-in, which expires after 7 days.

        Raises InvalidError, AppNotFound, UserExists, StoreUnavailable.
        """
        wanted = replace(wanted, name=wanted.name.strip(), email=wanted.email.strip().lower())
        _check(wanted)
        await self._check_scope(wanted.role, wanted.app)
        async with self._locks.users:
            for other in await self._people.users():
                _check_other(wanted, other)
            now = self._clock.now()
            user = User(
                id=secrets.token_hex(4), name=wanted.name, role=wanted.role, app=wanted.app, email=wanted.email,
                github=wanted.github, created_at=now, created_by=actor.name,
            )  # fmt: skip
            return await self._invited(user, actor)

    async def invite_again(self, name: str, actor: Actor) -> tuple[User, str]:
        """Create a new link for a user and invalidate an earlier one. Raises UserNotFound, StoreUnavailable."""
        async with self._locks.users:
            return await self._invited(await self.find(name), actor)

    async def invited(self, secret: str) -> User:
        """Return the user that an invitation belongs to. The invitation stays valid.

        Raises NotSignedIn if the invitation is unknown, used or expired; StoreUnavailable.
        """
        digest, now = digest_of(secret), self._clock.now()
        for user in await self._people.users():
            if user.invitation == digest and user.invited_until is not None and user.invited_until > now:
                return user
        raise NotSignedIn(
            "this invitation is not good any more",
            why=f"it works once and for {INVITED_FOR.days} days",
            next="ask an admin for another one: `pvdify users:invite NAME`",
        )

    async def accept(self, secret: str, address: str, agent: str) -> tuple[Session, str]:
        """Consume an invitation; return the new session and its cookie. Raises NotSignedIn, TooManyRequests."""
        self._sessions.check_attempts(address)
        try:
            async with self._locks.users:
                user = await self.invited(secret)
                await self._people.save_people(replace(user, invitation="", invited_until=None))
        except NotSignedIn:
            self._sessions.note_failure(address)
            raise
        return await self._sessions.start(holder_for(user), "invitation", address, agent)

    async def set_role(self, name: str, role: Role, app: str | None, actor: Actor) -> User:
        """Change a user's role and app; applies from the user's next request.

        Raises UserNotFound, InvalidError, AppNotFound.
        """
        async with self._locks.users:
            user = await self.find(name)
            await self._check_scope(role, app)
            changed = replace(user, role=role, app=app)
            text = f"{user.name}: {_scope(user)} -> {_scope(changed)}"
            await self._people.save_people(changed, self._event(Action.USER_ROLE, actor, text, app or user.app))
            return changed

    async def remove(self, name: str, actor: Actor) -> None:
        """Remove a user and end the user's sessions. Raises UserNotFound, StoreUnavailable."""
        async with self._locks.users:
            user = await self.find(name)
            removed = replace(user, removed_at=self._clock.now(), invitation="", invited_until=None)
            text = f"{user.name} ({_scope(user)})"
            await self._people.save_people(removed, self._event(Action.USER_REMOVED, actor, text))
        await self._sessions.revoke_all(holder_for(user), actor)

    async def sign_out(self, name: str, actor: Actor) -> None:
        """End all sessions of a user. Raises UserNotFound, StoreUnavailable."""
        await self._sessions.revoke_all(holder_for(await self.find(name)), actor)

    async def _invited(self, user: User, actor: Actor) -> tuple[User, str]:
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        invited = replace(user, invitation=digest_of(secret), invited_until=now + INVITED_FOR)
        event = self._event(Action.USER_INVITED, actor, f"{user.name} ({_scope(user)})", user.app)
        await self._people.save_people(invited, event)
        return invited, secret

    async def _check_scope(self, role: Role, app: str | None) -> None:
        if app is not None and role is Role.ADMIN:
            raise InvalidError("an admin may use the whole server", next="leave out the app, or choose another role")
        if app is not None and await self._store.app(app) is None:
            raise no_app(app)

    def _event(self, action: Action, actor: Actor, text: str, app: str | None = None) -> Event:
        now = self._clock.now()
        return Event(at=now, actor=actor.name, address=actor.address, action=action, app=app, text=text)


def holder_for(user: User) -> Holder:
    """Return the holder of a user's sessions."""
    return Holder(kind=HolderKind.USER, id=user.id, name=user.name)


def _check(wanted: Invitation) -> None:
    problems = []
    if not is_name(wanted.name):
        names = ", ".join(sorted(RESERVED))
        problems.append(f"name: expected 1 to {LONGEST_NAME} printable characters without a slash, and not {names}")
    if wanted.email and not is_email(wanted.email):
        problems.append("email: expected an address, such as ada@example.com")
    if wanted.github and not is_github_login(wanted.github):
        problems.append("github: expected the name of an account at GitHub, such as octocat")
    if problems:
        raise InvalidError("the user was not invited", next="correct it", details={"problems": problems})


def _check_other(wanted: Invitation, other: User) -> None:
    """Raise UserExists if the other user has the name or the account."""
    if wanted.name.casefold() == other.name.casefold():
        raise UserExists(
            f"there is a user {other.name} already",
            next=f"another link for them: `pvdify users:invite '{other.name}' --again`",
        )
    has_email = wanted.email and wanted.email == other.email
    if has_email or (wanted.github and wanted.github.casefold() == other.github.casefold()):
        raise UserExists(
            f"{other.name} is invited with this account", next=f"`pvdify users:remove '{other.name}'` first"
        )


def _scope(user: User) -> str:
    return f"{user.role.value}, {user.app or 'all apps'}"
