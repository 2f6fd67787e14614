"""A database whose disk is full; SQLite's own limit of pages fails in the same way as the disk."""

import asyncio
import errno
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.errors import StoreDiskFull, StoreUnavailable
from pvdify.model.event import Event

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(text: str) -> Event:
    return Event(at=NOW, actor="ci", action="app.created", app="shop", text=text)


async def fill(store: SqliteStore) -> None:
    """Allow no further page."""
    await store._in_thread(lambda: _bound(store, 1))


async def empty(store: SqliteStore) -> None:
    await store._in_thread(lambda: _bound(store, 1_000_000))


def _bound(store: SqliteStore, pages: int) -> None:
    assert store._connection is not None
    store._connection.execute(f"PRAGMA max_page_count = {pages}")


async def test_a_full_disk_is_named_and_no_record_is_lost(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "pvdify.db")
    await store.open()
    await store.save(event("before"))
    await fill(store)

    with pytest.raises(StoreDiskFull) as raised:
        await store.save(event("x" * 1_000_000))
    await empty(store)
    await store.save(event("after"))

    assert raised.value.why == f"no space is left on the disk: {tmp_path}"
    assert [it.text for it in await store.events()] == ["after", "before"]
    await store.close()


async def test_releasing_the_reserve_makes_a_save_succeed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "pvdify.db", lambda: _bound(store, 1_000_000) is None)
    await store.open()
    await fill(store)

    await store.save(event("x" * 1_000_000))

    assert len(await store.events()) == 1
    await store.close()


@pytest.mark.parametrize(
    ("code", "error", "why"),
    [
        (errno.ENOSPC, StoreDiskFull, "no space is left on the disk"),
        (errno.EDQUOT, StoreDiskFull, "no space is left on the disk"),
        (errno.EMFILE, StoreUnavailable, "no file descriptor is left"),
        (errno.EIO, StoreUnavailable, "the disk fails to read or write"),
    ],
)
async def test_the_cause_of_a_failed_system_call_is_named(
    tmp_path: Path, code: int, error: type[StoreUnavailable], why: str
) -> None:
    store = SqliteStore(tmp_path / "pvdify.db")

    with pytest.raises(StoreUnavailable) as raised:
        await store._in_thread(_fail, OSError(code, "words of the kernel", "file"))

    assert type(raised.value) is error
    assert raised.value.why == f"{why}: file"
    await asyncio.to_thread(store._thread.shutdown)


def _fail(error: OSError | sqlite3.Error) -> None:
    raise error
