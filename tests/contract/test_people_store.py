"""The ``people_store`` port: in memory, and in a file that is opened again."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.errors import StoreUnavailable
from pvdify.model.event import Event
from pvdify.model.passkey import Passkey
from pvdify.model.token import Role
from pvdify.model.user import HolderKind, Session, User
from tests.fakes.store import MemoryStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA = User(
    id="u1", name="Ada", role=Role.DEPLOY, app="shop", email="ada@example.com", invitation="hash",
    invited_until=NOW + timedelta(days=7), created_at=NOW, created_by="root",
)  # fmt: skip
SESSION = Session(
    id="s1", digest="hash", kind=HolderKind.USER, holder="u1", name="Ada", way="link", address="192.0.2.1",
    agent="Firefox", created_at=NOW, last_used_at=NOW, expires_at=NOW + timedelta(days=1),
)  # fmt: skip
EVENT = Event(at=NOW, actor="root", action="user.invited", text="Ada")


@pytest.fixture(params=["memory", "file"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SqliteStore(tmp_path / "pvdify.db")
    await store.open()
    yield store
    await store.close()


async def test_saved_people_are_read_back(store: SqliteStore) -> None:
    await store.save_people(ADA, SESSION, EVENT)

    assert await store.user("u1") == ADA
    assert await store.users() == (ADA,)
    assert await store.session("s1") == SESSION
    assert (await store.user("u2"), await store.session("s2")) == (None, None)
    assert [event.action for event in await store.events()] == ["user.invited"]


async def test_a_removed_user_is_found_by_id_alone(store: SqliteStore) -> None:
    gone = replace(ADA, removed_at=NOW)
    await store.save_people(ADA)
    await store.save_people(gone)

    assert await store.users() == ()
    assert await store.user("u1") == gone


async def test_a_removed_account_is_remembered(store: SqliteStore) -> None:
    account = {"issuer": "https://id.example.com", "subject": "7"}
    await store.save_people(replace(ADA, **account))
    before = await store.was_removed(**account)

    await store.save_people(replace(ADA, removed_at=NOW, **account))

    assert (before, await store.was_removed(**account)) == (False, True)
    assert not await store.was_removed("https://id.example.com", "8")


async def test_a_name_and_an_account_belong_to_one_user(store: SqliteStore) -> None:
    account = {"issuer": "https://id.example.com", "subject": "7"}
    await store.save_people(replace(ADA, **account))

    for other in (replace(ADA, id="u2", name="ADA"), replace(ADA, id="u2", name="Bob", **account)):
        with pytest.raises((StoreUnavailable, sqlite3.IntegrityError)):
            await store.save_people(other)

    await store.save_people(replace(ADA, id="u2", name="Bob"))
    await store.save_people(replace(ADA, removed_at=NOW, **account))
    await store.save_people(replace(ADA, id="u3", **account))
    assert [user.id for user in await store.users()] == ["u3", "u2"]


async def test_ended_sessions_are_not_listed(store: SqliteStore) -> None:
    second = replace(SESSION, id="s2", created_at=NOW + timedelta(seconds=1))
    revoked = replace(SESSION, id="s3", revoked_at=NOW)
    await store.save_people(SESSION, second, revoked)

    assert [it.id for it in await store.sessions(NOW)] == ["s2", "s1"]
    assert await store.sessions(NOW + timedelta(days=1)) == ()


async def test_all_sessions_of_a_holder_are_revoked_and_no_others(store: SqliteStore) -> None:
    others = (replace(SESSION, id="s2", holder="u2"), replace(SESSION, id="s3", kind=HolderKind.TOKEN))
    before = replace(SESSION, id="s4", revoked_at=NOW - timedelta(days=1))
    await store.save_people(SESSION, *others, before)

    await store.revoke_sessions(HolderKind.USER, "u1", NOW, EVENT)

    assert {it.id for it in await store.sessions(NOW)} == {"s2", "s3"}
    assert await store.session("s1") == replace(SESSION, revoked_at=NOW)
    assert await store.session("s4") == before
    assert len(await store.events()) == 1


async def test_a_use_changes_nothing_else_of_a_session_and_its_user(store: SqliteStore) -> None:
    root = replace(SESSION, id="s2", kind=HolderKind.ROOT, holder="u1")
    await store.save_people(replace(ADA, removed_at=NOW), replace(SESSION, revoked_at=NOW), root)
    later = NOW + timedelta(minutes=2)

    for id in ("s1", "missing"):
        await store.note_use(id, later)

    assert await store.session("s1") == replace(SESSION, revoked_at=NOW, last_used_at=later)
    assert await store.user("u1") == replace(ADA, removed_at=NOW, last_seen_at=later)
    assert await store.session("s2") == root
    assert await store.session("missing") is None

    await store.note_use("s2", later + timedelta(minutes=2))

    assert await store.user("u1") == replace(ADA, removed_at=NOW, last_seen_at=later)


async def test_a_use_of_a_passkey_is_recorded_unless_it_was_deleted(store: SqliteStore) -> None:
    passkey = Passkey(id="k1", user="u1", name="phone", public_key="pQ", uses=0, created_at=NOW)
    await store.save_people(passkey)

    for id in ("k1", "k2"):
        await store.note_passkey_use(id, 3, NOW)

    assert await store.passkeys("u1") == (replace(passkey, uses=3, last_used_at=NOW),)
    assert await store.passkey("k2") is None


async def test_passkeys_are_kept_for_a_user_and_forgotten_one_by_one(store: SqliteStore) -> None:
    first = Passkey(id="k1", user="u1", name="phone", public_key="pQ", uses=0, created_at=NOW)
    second = replace(first, id="k2", created_at=NOW + timedelta(seconds=1))
    await store.save_people(second, first, replace(first, id="k3", user="u2"))
    used = replace(first, uses=3, last_used_at=NOW)
    await store.save_people(used)

    assert await store.passkeys("u1") == (used, second)
    await store.forget_passkey(used, EVENT)

    assert (await store.passkey("k1"), await store.passkey("k2")) == (None, second)
    assert await store.passkeys("u1") == (second,)
    assert len(await store.events()) == 1


async def test_long_ended_sessions_are_deleted(store: SqliteStore) -> None:
    await store.save_people(
        SESSION, replace(SESSION, id="s2", revoked_at=NOW), replace(SESSION, id="s3", expires_at=NOW)
    )  # fmt: skip

    await store.forget_sessions(NOW + timedelta(seconds=1))

    assert [await store.session(id) is not None for id in ("s1", "s2", "s3")] == [True, False, False]
