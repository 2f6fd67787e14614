"""Services of previews: made and linked when a preview opens, filled if allowed, and removed with the preview."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import DeniedError, ForkNotAllowed, InvalidError
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.service import Service, ServiceState
from pvdify.model.token import Actor, Role
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.databases import DUMP, ROW, ROWS, Databases
from tests.support.wanted import deploy_request, preview_request

APP, POSTGRES = "reg.example.com/shop:v1", "reg.example.com/postgres:15"


@pytest.fixture
def machine() -> Machine:
    machine = Machine(standby="1s")
    for image in (APP, POSTGRES):
        machine.registry.push(image, content=image)
    Databases(machine)
    return machine


@pytest.fixture
async def daemon(machine: Machine) -> AsyncIterator[Daemon]:
    """Make shop with its service db, and shop-staging with its service stage."""
    daemon = machine.daemon()
    working = asyncio.create_task(daemon.service_keeper.run())
    for app, service in (("shop", "db"), ("shop-staging", "stage")):
        await daemon.requests.create_app(app, ACTOR)
        await daemon.services.create(service, ServiceRequest(kind="postgres", image=POSTGRES), ACTOR)
        await daemon.service_links.link(service, app, None, ACTOR)
    yield daemon
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await daemon.bury()


async def go_live(daemon: Daemon, **previews: Any) -> None:
    """Deploy shop with this declaration of its previews."""
    request = deploy_request(image=APP, manifest={"previews": previews})
    release = await daemon.requests.deploy("shop", request, ACTOR)
    await daemon.finish("shop", release.version)


async def opened(daemon: Daemon, number: int = 12, **wanted: Any) -> Release:
    view, release = await daemon.previews.open("shop", number, preview_request(image=APP, **wanted), ACTOR)
    return await daemon.finish(view.preview.name, release.version)


async def closed(daemon: Daemon, number: int = 12) -> None:
    preview = await daemon.previews.get("shop", number)
    await daemon.previews.end(preview, "a test")
    while await daemon.store.unsettled_operations() or await owned(daemon):
        await daemon.clock.sleep(1.0)


async def owned(daemon: Daemon) -> list[Service]:
    return [it for it in await daemon.store.services() if it.owner]


async def test_a_fresh_service_is_live_and_linked_before_the_first_hook_runs(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0), process="pre_deploy")
    await go_live(daemon, services={"db": "fresh"})

    release = await opened(daemon, manifest={"hooks": {"pre_deploy": ["migrate"]}})

    (service,) = await owned(daemon)
    hook = next(it for it in machine.supervisor.started if it.process == "pre_deploy")
    assert release.status is ReleaseStatus.ACTIVE
    assert (service.name, service.owner, service.state) == ("shop-pr-12-db", "shop-pr-12", ServiceState.LIVE)
    assert hook.environment["DATABASE_URL"].startswith("postgres://shop_pr_12_db:")
    assert hook.environment["DATABASE_URL"].endswith("@shop-pr-12-db:5432/shop_pr_12_db")
    assert service.memory == 256 * 1024**2
    assert not [words for _, words, _ in machine.inside.entered if words == ROW.restore]


@pytest.mark.parametrize("source", ["stage", "shop-staging"])
async def test_a_copy_has_the_data_and_a_password_of_its_own(machine: Machine, daemon: Daemon, source: str):
    await go_live(daemon, services={"db": f"copy-of {source}"})

    await opened(daemon)

    (service,) = await owned(daemon)
    spec = machine.supervisor.spec(service.container)
    stage = machine.supervisor.spec((await daemon.services.get("stage")).container)
    assert machine.inside.given(ROW.restore) == (DUMP * (1 + ROWS)).encode()
    assert spec.environment["POSTGRES_DB"] == "stage"
    assert spec.environment["POSTGRES_PASSWORD"] != stage.environment["POSTGRES_PASSWORD"]


async def test_the_preview_of_a_renamed_app_keeps_its_service(daemon: Daemon):
    await go_live(daemon, services={"db": "fresh"})
    await opened(daemon)
    (before,) = await owned(daemon)
    await daemon.renames.rename("shop", "store", ACTOR, keeps_hostname=False)

    view, release = await daemon.previews.open("store", 12, preview_request(image=APP), ACTOR)
    pushed = await daemon.finish(view.preview.name, release.version)

    (after,) = await owned(daemon)
    assert (pushed.status, after.id, after.owner) == (ReleaseStatus.ACTIVE, before.id, "store-pr-12")


async def test_the_preview_of_a_fork_gets_no_copy_of_data(machine: Machine, daemon: Daemon):
    await go_live(daemon, services={"db": "copy-of stage"}, allow_forks=True)

    await opened(daemon, is_fork=True)

    (service,) = await owned(daemon)
    assert service.state is ServiceState.LIVE
    assert not [words for _, words, _ in machine.inside.entered if words in (ROW.restore, ROW.dump)]


async def test_a_fork_that_gets_no_preview_gets_no_service(daemon: Daemon):
    await go_live(daemon, services={"db": "fresh"})

    with pytest.raises(ForkNotAllowed):
        await opened(daemon, is_fork=True)

    assert await owned(daemon) == []


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ({"db": "copy-of db"}, "which is in production"),
        ({"db": "copy-of shop"}, "which is in production"),
        ({"db": "copy-of nothing"}, "there is no service nothing"),
        ({"cache": "fresh"}, "linked to a service of this name"),
    ],
)
async def test_invalid_preview_services_are_refused_before_any_change(
    daemon: Daemon, services: dict[str, str], why: str
):
    await go_live(daemon, services=services)

    with pytest.raises(InvalidError) as refused:
        await opened(daemon)

    assert why in (refused.value.why or "")
    assert await daemon.store.preview("shop-pr-12") is None
    assert await owned(daemon) == []


async def test_a_token_of_one_app_cannot_ask_for_a_copy(daemon: Daemon):
    ci = Actor(name="ci", role=Role.DEPLOY, app="shop")
    asks = {"previews": {"services": {"db": "copy-of stage"}}}

    with pytest.raises(DeniedError, match="may not get a copy-of stage"):
        await daemon.requests.deploy("shop", deploy_request(image=APP, manifest=asks), ci)


async def test_a_token_of_one_app_may_deploy_again_with_an_existing_copy(daemon: Daemon):
    ci = Actor(name="ci", role=Role.DEPLOY, app="shop")
    await go_live(daemon, services={"db": "copy-of stage"})
    asks = {"previews": {"services": {"db": "copy-of stage"}}}

    release = await daemon.requests.deploy("shop", deploy_request(image=APP, manifest=asks), ci)

    assert release.version == 2


async def test_services_count_as_instances_of_the_preview(daemon: Daemon):
    await go_live(daemon, services={"db": "fresh"}, instances=1)

    with pytest.raises(InvalidError, match="2 instances, 1 of them services"):
        await opened(daemon)


async def test_no_request_waits_for_a_copy_of_data(machine: Machine, daemon: Daemon):
    await go_live(daemon, services={"db": "copy-of stage"})
    machine.inside.hang(ROW.restore)

    for number in (12, 12, 13):  # opened, pushed to, and another one opened while the copy goes on
        await asyncio.wait_for(daemon.previews.open("shop", number, preview_request(image=APP), ACTOR), 5)
        await daemon.clock.sleep(60.0)

    assert [it.state for it in await owned(daemon)] == [ServiceState.UPGRADING] * 2
    assert {it.app for it in await daemon.store.service_links()} >= {"shop-pr-12", "shop-pr-13"}


async def test_an_update_keeps_the_service_and_its_data(daemon: Daemon):
    await go_live(daemon, services={"db": "copy-of stage"})
    await opened(daemon)
    (before,) = await owned(daemon)

    await opened(daemon)

    (after,) = await owned(daemon)
    assert (after.id, after.volume) == (before.id, before.volume)


async def test_removing_a_preview_removes_its_services_without_the_trash(machine: Machine, daemon: Daemon):
    await go_live(daemon, services={"db": "copy-of stage"})
    await opened(daemon)

    await closed(daemon)
    await daemon.service_keeper.remove_leftovers()

    assert [it for it in machine.supervisor.names if "pr-12" in it] == []
    assert [it for it in await machine.volumes.find() if "pr-12" in it] == []
    assert [it for it in await machine.store.volumes() if "pr-12" in it.id] == []
    assert [it for it in await machine.private_networks.find() if "pr-12" in it] == []
    assert [app for app, _ in machine.secrets.versions if "pr-12" in app] == []
    assert {it.name for it in await machine.store.services()} == {"db", "stage"}


async def test_a_service_of_a_preview_removed_during_a_downtime_is_removed(machine: Machine, daemon: Daemon):
    await daemon.services.create("left", ServiceRequest(kind="postgres", image=POSTGRES), ACTOR, owner="shop-pr-99")

    while await owned(daemon):
        await daemon.clock.sleep(1.0)

    assert [it for it in machine.supervisor.names if "left" in it] == []


async def test_on_open_runs_once_before_serving_and_on_close_before_removal(machine: Machine, daemon: Daemon):
    for moment in ("pre_deploy", "on_open", "on_close"):
        machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0), process=moment)
    await go_live(daemon, on_open=["seed"], on_close=["say goodbye"])
    hooks = {"hooks": {"pre_deploy": ["migrate"]}}

    await opened(daemon, manifest=hooks)
    await opened(daemon, manifest=hooks)
    await closed(daemon)

    started = [it.process for it in machine.supervisor.started if it.app == "shop-pr-12"]
    assert started == ["pre_deploy", "on_open", "web", "pre_deploy", "web", "on_close"]


async def test_on_open_that_fails_fails_the_deploy_and_runs_again_with_the_next(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=3, exit_after=1.0), process="on_open", starts=1)
    await go_live(daemon, on_open=["seed"])

    failed = await opened(daemon)
    machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0), process="on_open")
    second = await opened(daemon)

    assert (failed.status, second.status) == (ReleaseStatus.FAILED, ReleaseStatus.ACTIVE)
    assert machine.supervisor.executions("seed") == 2


async def test_a_failing_on_close_is_recorded_and_delays_nothing(machine: Machine, daemon: Daemon):
    machine.supervisor.script(Behaviour(exit_code=3, exit_after=1.0), process="on_close")
    await go_live(daemon, on_close=["say goodbye"])
    await opened(daemon)

    await closed(daemon)

    events = [it for it in await machine.store.events() if it.action == "preview.on-close-failed"]
    assert [it.app for it in events] == ["shop-pr-12"]
    assert "say goodbye" in events[0].text
    assert await machine.store.app("shop-pr-12") is None


async def test_another_apps_hooks_are_not_run_when_it_is_destroyed(machine: Machine, daemon: Daemon):
    await go_live(daemon, on_close=["say goodbye"])

    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    while await daemon.store.unsettled_operations():
        await daemon.clock.sleep(1.0)

    assert machine.supervisor.executions("say goodbye") == 0


def test_names_of_services_fit_whatever_the_app_is_called():
    from pvdify.engine.previews.services import service_name

    long = service_name(f"{'a' * 33}-pr-7", "database")

    assert service_name("shop-pr-12", "db") == "shop-pr-12-db"
    assert len(long) <= 30
    assert long != service_name(f"{'a' * 33}-pr-8", "database")
