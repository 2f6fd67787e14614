"""The journal on a real file."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.adapters.sqlite import queries
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.errors import StoreUnavailable
from pvdify.manifest.reading import parse_manifest
from pvdify.model.app import App
from pvdify.model.endpoint import Endpoint
from pvdify.model.event import Event
from pvdify.model.operation import Operation, OperationKind, OperationState, StepRecord, StepState, Strategy
from pvdify.model.release import Failure, Receipt, Release, ReleaseStatus, Source, SwitchCount
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.model.webhook import SeenWebhook

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
APP = App(name="shop", created_at=NOW, updated_at=NOW)
RELEASE = Release(
    app="shop",
    version=1,
    image="ghcr.io/o/a:1",
    config_version=0,
    manifest=parse_manifest({"processes": {"web": {"command": ["a", "b"]}}, "drain": "5s"}),
    created_at=NOW,
    created_by="ci",
    description="deploy",
    source=Source(commit="abc", branch="main", run_number=7),
    failure=Failure(code="probe-failed", what="no answer"),
    receipt=Receipt(steps={"pull": 0.5}, seconds=0.5, closed_at=NOW, downtime=2.5),
)
SLOT = Slot(
    app="shop", number=1, colour="blue", state=SlotState.LIVE, since=NOW,
    placements=(Placement(name="n", process="web", number=1, endpoint=Endpoint("127.0.0.1", 3001)),),
)  # fmt: skip
OPERATION = Operation(
    id="shop-v1", kind=OperationKind.DEPLOY, app="shop", release=1, baseline=(1, 2, 3), created_at=NOW,
    created_by="ci", strategy=Strategy.STOP_FIRST,
    steps=(StepRecord(name="pull", state=StepState.DONE, seconds=0.1, text="x"),),
)  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path):
    store = SqliteStore(tmp_path / "pvdify.db")
    await store.open()
    yield store
    await store.close()


async def test_saved_records_are_read_back_unchanged(store: SqliteStore):
    count = SwitchCount(app="shop", release=1, served=9, is_final=True)
    await store.save(APP, RELEASE, SLOT, OPERATION, count)

    assert await store.app("shop") == APP
    assert await store.release("shop", 1) == RELEASE
    assert await store.slots("shop") == (SLOT,)
    assert await store.operation("shop-v1") == OPERATION
    assert await store.switch_counts("shop", 1, 99) == (count,)


async def test_a_save_is_all_or_nothing(store: SqliteStore):
    await store.save(replace(RELEASE, status=ReleaseStatus.ACTIVE))
    second = replace(RELEASE, version=2, status=ReleaseStatus.ACTIVE)

    with pytest.raises(StoreUnavailable, match="database does not work"):
        await store.save(SLOT, second)  # never two active releases of one app

    assert await store.slots("shop") == ()
    assert [release.version for release in await store.releases("shop", 1000)] == [1]


async def test_ended_operations_are_not_resumed(store: SqliteStore):
    await store.save(OPERATION, replace(OPERATION, id="done", state=OperationState.SUCCEEDED))

    assert [operation.id for operation in await store.unsettled_operations()] == ["shop-v1"]


async def test_deleted_app_leaves_its_events(store: SqliteStore):
    event = Event(at=NOW, actor="root", action="app.destroyed", app="shop")
    await store.save(APP, RELEASE, SLOT, OPERATION)

    await store.delete_app("shop", event)

    assert await store.app("shop") is None
    assert await store.releases("shop", 1000) == ()
    assert await store.unsettled_operations() == ()
    assert [it.action for it in await store.events("shop")] == ["app.destroyed"]


async def test_the_database_is_readable_by_its_owner_only(store: SqliteStore, tmp_path: Path):
    assert os.stat(tmp_path / "pvdify.db").st_mode & 0o777 == 0o600


def schema_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return version


async def test_older_schema_is_copied_and_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "pvdify.db"
    first = SqliteStore(file)
    await first.open()
    await first.save(APP)
    await first.close()
    newer = (*queries.migrations(), "CREATE TABLE more (x INTEGER) STRICT;")
    monkeypatch.setattr("pvdify.adapters.sqlite.store.migrations", lambda: newer)  # a schema yet to come

    second = SqliteStore(file)
    await second.open()

    assert await second.app("shop") == APP
    await second.close()
    copies = list(tmp_path.glob(f"pvdify.db.before-v{len(newer)}"))
    assert len(copies) == 1
    assert schema_of(copies[0]) == len(newer) - 1


@pytest.mark.parametrize("known", range(1, len(queries.migrations())))
async def test_database_of_every_earlier_schema_is_brought_up_to_date_with_a_copy_beside_it(tmp_path: Path, known: int):
    file = tmp_path / "pvdify.db"
    with closing(sqlite3.connect(file)) as earlier:
        earlier.execute("PRAGMA synchronous = OFF")
        for number, script in enumerate(queries.migrations()[:known], start=1):
            earlier.executescript(f"{script}\nPRAGMA user_version = {number};")
        earlier.execute(
            "INSERT INTO apps (name, created_at, updated_at, is_in_maintenance) VALUES (?, ?, ?, 0)",
            ("shop", NOW.isoformat(timespec="microseconds"), NOW.isoformat(timespec="microseconds")),
        )
        earlier.commit()

    store = SqliteStore(file)
    await store.open()

    assert await store.app("shop") == APP
    await store.save(replace(APP, domains=("a.example", "b.example")), RELEASE, SLOT, OPERATION)
    assert (await store.apps())[0].domains == ("a.example", "b.example")
    assert await store.release("shop", 1) == RELEASE
    await store.close()
    before = file.with_name(f"{file.name}.before-v{len(queries.migrations())}")
    assert schema_of(before) == known
    with closing(sqlite3.connect(before)) as copy:
        assert copy.execute("SELECT name FROM apps").fetchall() == [("shop",)]


async def test_an_interrupted_migration_is_completed_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "pvdify.db"
    first = SqliteStore(file)
    await first.open()
    await first.save(APP)
    await first.close()
    known = queries.migrations()
    monkeypatch.setattr("pvdify.adapters.sqlite.store.migrations", lambda: (*known, "no SQL at all;"))
    with pytest.raises(StoreUnavailable):
        await SqliteStore(file).open()
    monkeypatch.setattr("pvdify.adapters.sqlite.store.migrations", lambda: (*known, "CREATE TABLE m (x INTEGER);"))

    again = SqliteStore(file)
    await again.open()

    assert await again.app("shop") == APP
    await again.close()
    (copy,) = tmp_path.glob("pvdify.db.before-v*")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema_of(copy) == len(known)


async def test_a_newer_schema_is_refused_and_unchanged(tmp_path: Path):
    file = tmp_path / "pvdify.db"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(StoreUnavailable, match="written by a newer pvdify"):
        await SqliteStore(file).open()


async def test_a_file_that_is_not_a_database_is_an_error_and_unchanged(tmp_path: Path):
    file = tmp_path / "pvdify.db"
    file.write_text("not a database, but a text file" * 100)

    with pytest.raises(StoreUnavailable):
        await SqliteStore(file).open()

    assert file.read_text().startswith("not a database")


async def test_a_delivery_is_known_by_its_id_and_by_its_content_until_it_is_forgotten(store: SqliteStore):
    await store.save(SeenWebhook(id="1", digest="a", at=NOW))

    assert await store.is_webhook_seen("1", "b")
    assert await store.is_webhook_seen("2", "a")
    assert not await store.is_webhook_seen("2", "b")
    await store.forget_webhooks(NOW)
    assert await store.is_webhook_seen("1", "a")
    await store.forget_webhooks(NOW + timedelta(seconds=1))
    assert not await store.is_webhook_seen("1", "a")
