"""When tokens, sessions and users were last used is recorded without changing anything else of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from pvdify.engine.access.sessions import NOTED_EVERY
from pvdify.engine.access.users import Invitation
from pvdify.errors import NotSignedIn
from pvdify.model.token import Role
from pvdify.model.user import Holder, HolderKind, User
from tests.fakes.machine import ACTOR, Daemon, Machine


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    daemon = Machine().daemon()
    yield daemon
    await daemon.bury()


def between(
    monkeypatch: pytest.MonkeyPatch, store: Any, read: str, change: Callable[[], Awaitable[object]], *, skipped: int = 0
) -> None:
    """Let ``change`` happen right after the next ``read`` of the store but ``skipped``, before its caller goes on."""
    real, left = getattr(store, read), skipped

    async def found(*arguments: object) -> object:
        nonlocal left
        record = await real(*arguments)
        left -= 1
        if left == -1:
            await change()
        return record

    monkeypatch.setattr(store, read, found)


async def test_a_token_that_is_revoked_while_it_is_used_stays_revoked(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, text = await daemon.tokens.create("ci", Role.DEPLOY, None, None, ACTOR)
    between(monkeypatch, daemon.machine.store, "token", lambda: daemon.tokens.revoke(token.id, ACTOR))

    await daemon.tokens.actor_of(text)

    with pytest.raises(NotSignedIn):
        await daemon.tokens.actor_of(text)
    assert await daemon.store.tokens() == ()


async def test_a_session_that_is_revoked_while_it_is_used_stays_revoked(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, text = await daemon.sessions.start(Holder(kind=HolderKind.ROOT, id="", name="root"), "link", "::1", "")
    await daemon.clock.sleep(2 * NOTED_EVERY.total_seconds())
    between(monkeypatch, daemon.machine.store, "session", lambda: daemon.sessions.revoke(session.id, ACTOR))

    await daemon.sessions.who(text)

    assert await daemon.sessions.who(text) is None
    assert await daemon.sessions.list() == ()


@pytest.mark.parametrize("skipped", [0, 1])
@pytest.mark.parametrize("change", ["role", "removal"])
async def test_a_user_who_is_changed_while_they_are_seen_stays_so(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, change: str, skipped: int
) -> None:
    user, _ = await daemon.users.invite(Invitation(name="Ada", role=Role.ADMIN), ACTOR)
    _, text = await daemon.sessions.start(Holder(kind=HolderKind.USER, id=user.id, name="Ada"), "link", "::1", "")
    await daemon.clock.sleep(2 * NOTED_EVERY.total_seconds())

    async def changed() -> None:
        if change == "role":
            await daemon.users.set_role("Ada", Role.READ, None, ACTOR)
        else:
            await daemon.users.remove("Ada", ACTOR)

    between(monkeypatch, daemon.machine.store, "user", changed, skipped=skipped)
    for _ in range(2):
        await daemon.sessions.who(text)

    found = await daemon.machine.store.user(user.id)
    assert found is not None
    assert (found.removed_at is not None, found.role) == (
        (False, Role.READ) if change == "role" else (True, Role.ADMIN)
    )
    signed_in = await daemon.sessions.who(text)
    assert signed_in is None or signed_in.actor.role is Role.READ


async def test_the_last_use_is_recorded(daemon: Daemon) -> None:
    user, _ = await daemon.users.invite(Invitation(name="Ada"), ACTOR)
    session, text = await daemon.sessions.start(Holder(kind=HolderKind.USER, id=user.id, name="Ada"), "link", "::1", "")
    await daemon.clock.sleep(2 * NOTED_EVERY.total_seconds())

    await daemon.sessions.who(text)

    now = daemon.clock.now()
    used, seen = await daemon.machine.store.session(session.id), await daemon.machine.store.user(user.id)
    assert used is not None
    assert seen is not None
    assert (used.last_used_at, seen.last_seen_at) == (now, now)


async def test_an_invitation_that_several_browsers_open_at_once_signs_one_of_them_in(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await daemon.users.invite(Invitation(name="Ada"), ACTOR)
    real = daemon.machine.store.users

    async def late() -> tuple[User, ...]:
        found = await real()
        await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(daemon.machine.store, "users", late)
    opened = await asyncio.gather(
        *(daemon.users.accept(secret, "::1", "") for _ in range(3)), return_exceptions=True
    )  # fmt: skip

    assert sum(isinstance(each, NotSignedIn) for each in opened) == 2


async def test_a_user_who_is_removed_while_the_invitation_is_accepted_stays_removed(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await daemon.users.invite(Invitation(name="Ada"), ACTOR)
    removing: list[asyncio.Task[None]] = []

    async def removed() -> None:
        removing.append(asyncio.create_task(daemon.users.remove("Ada", ACTOR)))
        await asyncio.sleep(0.05)

    between(monkeypatch, daemon.machine.store, "users", removed)
    await asyncio.gather(daemon.users.accept(secret, "::1", ""), return_exceptions=True)
    await asyncio.gather(*removing)

    assert await daemon.users.list() == ()
