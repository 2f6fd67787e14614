"""Contract of the ``store`` port: records, events, deliveries and runs of jobs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.engine.access.tokens import fresh_token
from pvdify.errors import StoreUnavailable
from pvdify.manifest.definition import Manifest
from pvdify.model.action import Action
from pvdify.model.app import App
from pvdify.model.event import Event, EventFilter, IdempotentRequest
from pvdify.model.job import JobRun, RunState
from pvdify.model.notice import Channel, Cursor, Delivery, DeliveryState, Notice, Subscription
from pvdify.model.operation import Operation, OperationKind, OperationState
from pvdify.model.release import Release, ReleaseStatus, SwitchCount
from pvdify.model.token import Role
from tests.fakes.store import MemoryStore

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
APP = App(name="shop", created_at=NOW, updated_at=NOW)
RELEASE = Release(
    app="shop", version=1, image="reg.example.com/shop:v1", config_version=0, created_at=NOW, created_by="ci",
    manifest=Manifest(), description="deploy",
)  # fmt: skip
OPERATION = Operation(
    id="shop-v1", kind=OperationKind.DEPLOY, app="shop", release=1, created_at=NOW, created_by="ci"
)  # fmt: skip
EVENT = Event(at=NOW, actor="ci", action=Action.DEPLOY_LIVE, app="shop", release=1, text="v1")
NOTICE = Notice(id=1, at=NOW, action=Action.DEPLOY_LIVE, actor="ci")
SUBSCRIPTION = Subscription(
    id="s", channel=Channel.WEBHOOK, events=("*",), address="https://x.example.com/…", created_at=NOW, created_by="ci"
)  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "memory":
        yield MemoryStore()
        return
    store = SqliteStore(tmp_path / "pvdify.db")
    await store.open()
    yield store
    await store.close()


async def test_saved_records_are_read_back_and_replaced_by_later_saves(store: SqliteStore):
    await store.save(APP, RELEASE, OPERATION)
    changed = replace(RELEASE, status=ReleaseStatus.ACTIVE, digest="sha256:1")
    await store.save(changed)

    assert (await store.app("shop"), await store.operation("shop-v1")) == (APP, OPERATION)
    assert await store.release("shop", 1) == await store.active_release("shop") == changed
    assert await store.app("blog") is None
    assert await store.release("shop", 2) is None


async def test_a_save_is_all_or_nothing(store: SqliteStore):
    await store.save(replace(RELEASE, status=ReleaseStatus.ACTIVE))

    with pytest.raises(StoreUnavailable):
        await store.save(APP, replace(RELEASE, version=2, status=ReleaseStatus.ACTIVE))

    assert await store.app("shop") is None
    assert [it.version for it in await store.releases("shop", 99)] == [1]


async def test_releases_are_newest_first_and_ended_operations_are_not_resumed(store: SqliteStore):
    done = replace(OPERATION, id="done", state=OperationState.SUCCEEDED)
    await store.save(*(replace(RELEASE, version=number) for number in (1, 3, 2)), OPERATION, done)

    assert [it.version for it in await store.releases("shop", limit=2)] == [3, 2]
    assert [it.id for it in await store.unsettled_operations()] == ["shop-v1"]
    assert await store.unsettled_operations("blog") == ()


async def test_live_versions_are_newest_first_and_may_be_those_before_a_version(store: SqliteStore):
    live = replace(RELEASE, status=ReleaseStatus.SUPERSEDED, was_live=True)
    failed = replace(RELEASE, version=3, status=ReleaseStatus.FAILED, was_live=False)
    await store.save(*(replace(live, version=number, slot=1 if number < 4 else 4) for number in (1, 2, 4)), failed)

    assert await store.live_versions("shop", 2) == (4, 2)
    assert await store.live_versions("shop", 9, before=4) == (2, 1)
    assert await store.live_versions("blog", 9) == ()
    assert (await store.last_live_in("shop", 1), await store.last_live_in("shop", 4)) == (2, 4)
    assert await store.last_live_in("shop", 3) is None


async def test_switch_counts_are_those_of_the_releases_that_are_asked_for(store: SqliteStore):
    await store.save(*(SwitchCount(app="shop", release=number) for number in (1, 2, 3, 4)))

    assert [it.release for it in await store.switch_counts("shop", 2, 3)] == [3, 2]


async def test_a_use_changes_nothing_else_of_a_token(store: SqliteStore):
    token, _ = fresh_token("ci", Role.DEPLOY, "shop", None, "root", NOW)
    await store.save(replace(token, revoked_at=NOW))

    for id in (token.id, "missing"):
        await store.note_token_use(id, NOW + timedelta(minutes=2))

    assert await store.token(token.id) == replace(token, revoked_at=NOW, last_used_at=NOW + timedelta(minutes=2))
    assert await store.token("missing") is None


async def test_a_deleted_app_leaves_its_events(store: SqliteStore):
    await store.save(APP, RELEASE, OPERATION, EVENT)

    await store.delete_app("shop", replace(EVENT, action=Action.APP_DESTROYED))

    assert await store.apps() == await store.releases("shop", 99) == await store.unsettled_operations() == ()
    assert [it.action for it in await store.events("shop")] == ["app.destroyed", "deploy.live"]


async def test_events_get_numbers_and_are_chosen_newest_first(store: SqliteStore):
    other = replace(EVENT, app="blog", action=Action.DEPLOY_FAILED, actor="ann", at=NOW + timedelta(hours=1))
    await store.save(EVENT)
    await store.save(other)

    async def found(**wanted: object) -> list[str]:
        return [str(it.action) for it in await store.matching_events(EventFilter(**wanted), 10)]  # type: ignore[arg-type]

    first, second = (it.id for it in (await store.events())[::-1])
    assert 0 < first < second
    assert await found() == await found(kind="deploy") == ["deploy.failed", "deploy.live"]
    assert await found(app="shop") == await found(actor="ci") == await found(kind="deploy.live") == ["deploy.live"]
    assert await found(since=NOW + timedelta(minutes=1)) == ["deploy.failed"]
    assert [it.id for it in await store.events_after(first, 10)] == [second]


async def test_an_event_of_another_version_is_read(store: SqliteStore):
    await store.save(replace(EVENT, action=Action.of_record("deploy.teleported")))

    assert [it.action for it in await store.events()] == ["deploy.teleported"]


async def test_an_answer_is_remembered_for_its_key_and_actor_since_then(store: SqliteStore):
    request = IdempotentRequest(key="k", actor="ci", fingerprint="f", app="shop", release=1, created_at=NOW)
    await store.save(request)

    assert await store.idempotent_request("k", "ci", NOW) == request
    assert await store.idempotent_request("k", "ann", NOW) is None
    assert await store.idempotent_request("k", "ci", NOW + timedelta(seconds=1)) is None


async def test_deliveries_are_due_in_their_order_until_they_ended(store: SqliteStore):
    await store.save_subscription(SUBSCRIPTION, EVENT)
    late, soon = (
        Delivery(id=f"s-{hours}", subscription="s", notice=NOTICE, created_at=NOW, due_at=NOW + timedelta(hours=hours))
        for hours in (2, 1)
    )
    await store.save_deliveries((late, soon), Cursor(name="courier", position=7))

    assert await store.deliveries_due(NOW, 10) == ()
    assert await store.deliveries_due(NOW + timedelta(hours=2), 10) == (soon, late)
    await store.update_delivery(replace(soon, state=DeliveryState.DELIVERED, ended_at=NOW))
    assert await store.deliveries_due(NOW + timedelta(hours=2), 10) == (late,)
    assert (await store.pending(), await store.cursor("courier")) == (1, Cursor(name="courier", position=7))
    await store.forget_deliveries(NOW + timedelta(seconds=1))
    assert await store.deliveries("s", 10) == (late,)


async def test_deliveries_go_with_their_subscription(store: SqliteStore):
    delivery = Delivery(id="s-1", subscription="s", notice=NOTICE, created_at=NOW, due_at=NOW)
    await store.save_subscription(SUBSCRIPTION, EVENT)
    await store.save_deliveries((delivery,))

    await store.delete_subscription("s", EVENT)
    await store.update_delivery(replace(delivery, attempts=1))

    assert await store.subscription("s") is None
    assert await store.deliveries(None, 10) == ()


async def test_old_events_are_forgotten_only_once_they_were_delivered(store: SqliteStore):
    await store.save(*(replace(EVENT, at=NOW + timedelta(hours=number)) for number in range(4)))
    newest = (await store.events())[0].id

    left = await store.forget_events(NOW + timedelta(hours=10), 100, newest - 2, 1)

    assert left == 1
    assert len(await store.events()) == 3
    assert await store.forget_events(NOW + timedelta(hours=10), 100, newest - 2, 100) == 0
    assert [it.id for it in await store.events()] == [newest, newest - 1]


async def test_runs_of_jobs_are_newest_first_and_forgotten_once_they_are_over(store: SqliteStore):
    runs = [
        JobRun(app="shop", job="report", number=number, state=state, created_at=NOW, created_by="pvdify")
        for number, state in ((1, RunState.SUCCEEDED), (2, RunState.RUNNING), (3, RunState.FAILED))
    ]
    await store.save(*runs)

    assert [it.number for it in await store.job_runs("shop", "report", 2)] == [3, 2]
    assert [it.number for it in await store.unsettled_job_runs("shop")] == [2]
    await store.forget_job_runs("shop", "report", 2, NOW + timedelta(days=1))
    assert [it.number for it in await store.job_runs("shop")] == [3, 2]
