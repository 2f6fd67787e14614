"""Sign-in with an account at a provider, for users who are invited or on the allow list."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pvdify.engine.access.sessions import Sessions
from pvdify.engine.access.users import holder_for
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import NotInvited, SignInRefused, UserNotFound
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.sign_in import Account, Challenge, refused
from pvdify.model.token import Role
from pvdify.model.user import LONGEST_NAME, Session, User, is_name
from pvdify.ports.clock import Clock
from pvdify.ports.people_store import PeopleStore
from pvdify.ports.sign_in_provider import SignInProvider
from pvdify.settings import Settings

GOOD_FOR = timedelta(minutes=10)
MOST_PENDING = 1000  # attempts at the same time; new ones replace the oldest


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A sign-in that has begun. ``to``: the page to open after it."""

    challenge: Challenge
    to: str
    until: datetime


class ProviderSignIn:
    """Signs users in with a provider. Attempts are kept in memory: a restart of pvdifyd ends them."""

    def __init__(
        self,
        *,
        clock: Clock,
        locks: Locks,
        settings: Settings,
        people: PeopleStore,
        sessions: Sessions,
        provider: SignInProvider | None,
    ) -> None:
        self._clock, self._locks, self._settings = clock, locks, settings
        self._people, self._sessions, self._provider = people, sessions, provider
        self._pending: dict[str, Pending] = {}

    @property
    def title(self) -> str:
        """The provider's name; "" if no provider is set up."""
        return self._provider.title if self._provider is not None else ""

    async def begin(self, redirect: str, to: str) -> tuple[str, str]:
        """Begin a sign-in; return the provider's address for the browser, and the value of the cookie for ``finish``.

        Raises UserNotFound (no provider is set up), ServiceUnavailable.
        """
        if self._provider is None:
            raise UserNotFound("no provider is set up here", next="`pvdify open` signs you in")
        now, challenge = self._clock.now(), Challenge.fresh(redirect)
        address = await self._provider.address(challenge)
        self._pending = {state: it for state, it in self._pending.items() if it.until > now}
        while len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[challenge.state] = Pending(challenge=challenge, to=to, until=now + GOOD_FOR)
        return address, challenge.state

    async def finish(
        self, code: str, state: str, kept: str, address: str, agent: str
    ) -> tuple[Session, str, str]:  # fmt: skip
        """Finish a sign-in; return the new session, its cookie, and the page to open.

        ``state`` is from the address, ``kept`` from the cookie. They must be equal, so that a sign-in that another
        browser began is refused. Raises SignInRefused, NotInvited, TooManyRequests, ServiceUnavailable,
        StoreUnavailable.
        """
        self._sessions.check_attempts(address)
        try:
            pending = self._taken(state, kept)
            account = await self._account(code, pending)
            async with self._locks.users:
                user = await self._user_of(account)
        except (SignInRefused, NotInvited):
            self._sessions.note_failure(address)
            raise
        session, text = await self._sessions.start(holder_for(user), "account", address, agent)
        return session, text, pending.to

    def _taken(self, state: str, kept: str) -> Pending:
        pending = self._pending.get(state)
        if pending is None or not secrets.compare_digest(state.encode(), kept.encode()):
            raise refused("this browser did not begin to sign in here, or too long ago")
        del self._pending[state]
        if pending.until <= self._clock.now():
            raise refused("it took longer than 10 minutes")
        return pending

    async def _account(self, code: str, pending: Pending) -> Account:
        if self._provider is None or not code:
            raise refused("the provider did not sign you in")
        return await self._provider.account(code, pending.challenge)

    async def _user_of(self, account: Account) -> User:
        users = await self._people.users()
        known = next((it for it in users if (it.issuer, it.subject) == (account.issuer, account.subject)), None)
        if known is not None:
            return known
        invited = next((it for it in users if not it.subject and _is_invited(it, account)), None)
        if invited is None:
            invited = await self._allowed(account, {it.name.casefold() for it in users})
        bound = replace(
            invited, issuer=account.issuer, subject=account.subject, invitation="", invited_until=None
        )  # fmt: skip
        text = f"{bound.name} is {account.shown} at {self.title}"
        now = self._clock.now()
        event = Event(at=now, actor=bound.name, action=Action.USER_JOINED, app=bound.app, text=text)
        await self._people.save_people(bound, event)
        return bound

    async def _allowed(self, account: Account, taken: set[str]) -> User:
        """Return a new user for an account on the allow list. Raises NotInvited for any other or a removed account."""
        settings, now = self._settings, self._clock.now()
        is_allowed = any(_matches(entry, account) for entry in settings.sign_in_allow)
        if not is_allowed or await self._people.was_removed(account.issuer, account.subject):
            raise NotInvited(
                f"{account.shown} is not invited to this server",
                why=f"{self.title} confirms who you are; the admins of this server decide who may use it",
                next="ask an admin: `pvdify users:invite NAME --email ADDRESS` or `--github LOGIN`",
            )
        wished = "".join(it for it in account.name or account.shown if it.isprintable() and it != "/")
        name = wished.strip()[: LONGEST_NAME - 4]
        name = name if is_name(name) else "user"
        names = (name, *(f"{name} {number}" for number in range(2, 1000)))
        free = next(it for it in names if it.casefold() not in taken)
        email = next(iter(account.emails), "")
        return User(
            id=secrets.token_hex(4), name=free, role=Role(settings.sign_in_role), email=email, github=account.github,
            created_at=now, created_by="sign_in_allow",
        )  # fmt: skip


def _is_invited(user: User, account: Account) -> bool:
    by_email = bool(user.email) and user.email in account.emails
    return by_email or (bool(user.github) and user.github.casefold() == account.github.casefold())


def _matches(entry: str, account: Account) -> bool:
    """Return whether an entry of the allow list matches an account.

    ``@example.com`` matches every verified address of the domain, ``ada@example.com`` one address, and ``octocat`` a
    GitHub login.
    """
    if "@" in entry:
        return any(email == entry or (entry[0] == "@" and email.endswith(entry)) for email in account.emails)
    return bool(account.github) and entry == account.github.casefold()
