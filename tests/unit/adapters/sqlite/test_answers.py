"""Cached answers: never older than an acknowledged write, whatever else happens at the same time."""

import asyncio
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.sqlite.answers import KEPT, LEAST_SWEPT, MOST_ANSWERS, Answers, Read, tables_of
from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.rows import TABLES
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.engine.access.tokens import Tokens
from pvdify.errors import NotSignedIn
from pvdify.model.action import Action
from pvdify.model.app import App
from pvdify.model.event import Event
from pvdify.model.token import Actor, Role
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ADMIN = Actor(name="ada", role=Role.ADMIN)
APPS = tuple(f"app-{number}" for number in range(5))


async def opened(folder: Path) -> SqliteStore:
    """A store that does not wait for the disk."""
    store = SqliteStore(folder / "pvdify.db")
    await store.open()
    assert store._connection is not None
    store._connection.execute("PRAGMA synchronous = OFF")
    return store


def app(name: str, count: int) -> App:
    return App(name=name, created_at=NOW, updated_at=NOW, maintenance_by=str(count))


def count_of(found: App | None) -> int:
    return -1 if found is None else int(found.maintenance_by)


@pytest.mark.parametrize("seed", range(4))
async def test_a_read_sees_every_write_acknowledged_before_it(tmp_path: Path, seed: int) -> None:
    store, chance = await opened(tmp_path), random.Random(seed)
    written = dict.fromkeys(APPS, -1)
    reads = 0

    async def write(name: str) -> None:
        for count in range(20):
            if chance.random() < 0.1:
                await store.delete_app(name, Event(at=NOW, actor="ada", action=Action.APP_DESTROYED, app=name))
                written[name] = -1  # nothing older can be read any more, but its absence can
            await store.save(app(name, count))
            written[name] = count
            await asyncio.sleep(0)

    async def read() -> None:
        nonlocal reads
        while any(count < 19 for count in written.values()):
            name = chance.choice(APPS)
            before = written[name]
            one = count_of(await store.app(name))
            before_all = dict(written)
            listed = {found.name: count_of(found) for found in await store.apps()}
            assert one >= before or written[name] != before
            for each, count in before_all.items():
                assert listed.get(each, -1) >= count or written[each] != count
            reads += 1
            await asyncio.sleep(0)  # reads from memory alone would keep the loop from the writers, without an end

    await asyncio.gather(*map(write, APPS), *(read() for _ in range(20)))
    last = {name: count_of(await store.app(name)) for name in APPS}
    await store.close()

    assert last == dict.fromkeys(APPS, 19)
    assert reads > 20


async def test_a_write_of_a_canceled_caller_is_visible_once_it_is_on_disk(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.save(app("shop", 0))
    seen = set()

    for count in range(1, 60):
        assert await store.app("shop") is not None  # kept from here on
        writing = asyncio.create_task(store.save(app("shop", count)))
        await asyncio.sleep(0)
        if count % 2:
            await asyncio.sleep(0.0005)
        writing.cancel()
        (row,) = await store._rows("app", name="shop")  # from the database, behind the write in the same queue
        found = count_of(await store.app("shop"))
        assert found == int(row["maintenance_by"])
        seen.add(found == count)
    await store.close()

    assert True in seen


async def test_a_revoked_token_is_refused_at_once(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    tokens = Tokens(clock=FakeClock(), store=store)
    token, text = await tokens.create("ci", Role.DEPLOY, None, None, ADMIN)
    for _ in range(3):
        assert (await tokens.actor_of(text)).token == token.id

    await tokens.revoke(token.id, ADMIN)

    with pytest.raises(NotSignedIn):
        await tokens.actor_of(text)
    await store.close()


async def test_an_answer_that_is_still_valid_does_not_ask_the_database(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.save(app("shop", 0))
    first = await store.app("shop")
    assert store._connection is not None

    store._connection.execute("DELETE FROM apps")  # behind its back

    assert await store.app("shop") is first
    await store.save(app("blog", 0))
    assert await store.app("shop") is None
    await store.close()


async def test_a_saved_record_is_read_without_asking_the_database(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    saved, later = app("shop", 1), app("shop", 2)

    await store.save(saved)
    first = await store.app("shop")
    await asyncio.gather(store.save(saved), store.save(later))  # the first returns after the second's commit
    second = await store.app("shop")
    await store.close()

    assert first is saved
    assert second == later


def test_every_statement_names_the_cached_tables_that_it_uses() -> None:
    everything = {**statements(), **{kind.__name__: table.upsert for kind, table in TABLES.items()}}
    columns = {"Subscription", "Link"}  # their columns have names of tables

    for name, statement in everything.items():
        named = set(re.findall(r"[a-z_]+", re.sub(r"--.*", "", statement))) & KEPT
        reads = statement.lstrip().upper().startswith(("SELECT", "WITH"))
        if reads and name not in columns:
            assert named <= tables_of(statement), name
        if not reads:
            assert tables_of(statement), name
    assert tables_of("UPDATE OR REPLACE slots SET app = :new WHERE app = :old") == {"slots"}
    assert tables_of("DELETE FROM tokens WHERE app = :app") == {"tokens"}


def test_the_number_of_cached_answers_is_bounded() -> None:
    answers = Answers(statements())

    for number in range(MOST_ANSWERS + 10):
        answers.keep("app", {"name": str(number)}, Read(records=(), writes=0))

    assert answers.known("app", {"name": "0"}) is None
    assert answers.known("app", {"name": str(MOST_ANSWERS)}) == ()


def test_a_long_answer_about_one_app_is_not_cached() -> None:
    answers, record = Answers(statements()), replace(app("shop", 0))

    answers.keep("releases", {"app": "shop", "limit": 1000}, Read(records=(record,) * 1000, writes=0))
    answers.keep("apps", {}, Read(records=(record,) * 1000, writes=0))

    assert answers.known("releases", {"app": "shop", "limit": 1000}) is None
    assert answers.known("apps", {}) == (record,) * 1000


def test_invalid_answers_to_questions_that_are_not_asked_again_are_dropped() -> None:
    answers = Answers(statements())
    for number in range(LEAST_SWEPT - 1):
        answers.keep("app", {"name": str(number)}, Read(records=(), writes=answers.writes("app")))
    answers.written(["INSERT INTO apps"])

    answers.keep("app", {"name": "new"}, Read(records=(), writes=answers.writes("app")))

    assert [values for _, values in answers._found] == [("new",)]
