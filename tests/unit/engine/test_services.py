"""Services: kept running, upgraded without risking their data, and reachable by linked apps only."""

from contextlib import suppress
from datetime import timedelta

import pytest

from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import (
    InvalidError,
    NotConfirmed,
    ServiceBusy,
    ServiceExists,
    ServiceLinked,
    ServiceNotFound,
    StartFailed,
)
from pvdify.model.action import Action
from pvdify.model.instance import InstanceSpec, Secret
from pvdify.model.service import Service, ServiceState
from pvdify.model.service_kinds import KINDS
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine

APP = "reg.example.com/shop:v1"
POSTGRES, NEXT = "reg.example.com/postgres:15", "reg.example.com/postgres:17"
ROW = KINDS["postgres"]
PG = ServiceRequest(kind="postgres", image=POSTGRES)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    for image in (APP, POSTGRES, NEXT):
        machine.registry.push(image, content=image)
    return machine


@pytest.fixture
def daemon(machine: Machine) -> Daemon:
    return machine.daemon()


async def run_keeper(daemon: Daemon, times: int = 4, *, pause: float = 6.0) -> None:
    for _ in range(times):
        await daemon.service_keeper.advance_all()
        await daemon.service_keeper.settle()
        await daemon.clock.sleep(pause)


async def create(daemon: Daemon, name: str = "db", request: ServiceRequest = PG) -> Service:
    await daemon.services.create(name, request, ACTOR)
    await run_keeper(daemon, 2)
    return await daemon.services.get(name)


def spec_of(machine: Machine, generation: int = 1) -> InstanceSpec:
    return machine.supervisor.spec(f"pvdify-service--db-service-v{generation}-1")


def shop_spec(machine: Machine, release: int) -> InstanceSpec:
    return machine.supervisor.spec(f"pvdify-shop-web-v{release}-1")


def runs_as(machine: Machine, image: str, version: str) -> None:
    """Let the image print this version."""
    content = machine.registry.push(image, content=image).image_id
    behaviour = Behaviour(lines=(f"postgres (PostgreSQL) {version}",), exit_code=0, exit_after=0.1)
    machine.supervisor.script(behaviour, image_id=content, command=ROW.version)


async def test_a_new_service_is_live_with_a_password_of_its_own(machine: Machine, daemon: Daemon):
    service = await create(daemon)

    spec = spec_of(machine)
    assert service.state is ServiceState.LIVE
    assert (spec.environment["POSTGRES_USER"], len(spec.environment["POSTGRES_PASSWORD"])) == ("db", 32)
    assert [mount.path for mount in spec.mounts] == ["/var/lib/postgresql"]
    assert spec.role.is_kept_running


async def test_the_password_is_in_the_vault_and_in_no_record(machine: Machine, daemon: Daemon):
    service = await create(daemon)
    password = spec_of(machine).environment["POSTGRES_PASSWORD"]

    assert password not in repr(service)
    assert password not in repr(await machine.store.events())
    assert (await machine.secrets.read(service.key, service.config_version))["password"].value == password


@pytest.mark.parametrize(
    ("name", "request_", "problem"),
    [
        ("d", PG, "cannot be a service's name"),
        ("a--b", PG, "cannot be a service's name"),
        ("db", ServiceRequest(kind="oracle"), "no kind of service"),
        ("db", ServiceRequest(image=None, port=80), "was not created"),
        ("db", ServiceRequest(image=APP), "was not created"),
        ("db", ServiceRequest(image=APP, port=80, volume="data"), "was not created"),
        ("db", ServiceRequest(image=APP, port=80, environment={"A-B": "x"}), "was not created"),
        ("db", ServiceRequest(image=APP, port=80, url="nowhere"), "was not created"),
    ],
)
async def test_invalid_services_are_refused(daemon: Daemon, name: str, request_: ServiceRequest, problem: str):
    with pytest.raises(InvalidError, match=problem):
        await daemon.services.create(name, request_, ACTOR)

    assert await daemon.services.list() == ()


async def test_service_names_are_unique(daemon: Daemon):
    await create(daemon)

    with pytest.raises(ServiceExists):
        await daemon.services.create("db", PG, ACTOR)


async def test_a_link_gives_the_next_deploy_the_url_and_the_network(machine: Machine, daemon: Daemon):
    await create(daemon)
    first = await daemon.deploy(image=APP)
    await daemon.service_links.link("db", "shop", None, ACTOR)

    second = await daemon.deploy(image=APP)

    password = spec_of(machine).environment["POSTGRES_PASSWORD"]
    spec = shop_spec(machine, second.version)
    assert "DATABASE_URL" not in shop_spec(machine, first.version).environment
    assert spec.environment["DATABASE_URL"] == f"postgres://db:{password}@db:5432/db"
    (network,) = spec.networks
    assert machine.private_networks.members == {network.id: {"pvdify-service--db-service-v1-1"}}


async def test_an_app_that_is_not_linked_gets_no_url_and_no_network(machine: Machine, daemon: Daemon):
    await create(daemon)

    release = await daemon.deploy(image=APP)

    assert shop_spec(machine, release.version).networks == ()
    assert not [name for name in shop_spec(machine, release.version).environment if name.startswith("DATABASE")]


async def test_the_service_url_is_redacted_in_a_linked_apps_output(machine: Machine, daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    await daemon.service_links.link("db", "shop", None, ACTOR)
    release = await daemon.deploy(image=APP)
    name = f"pvdify-shop-web-v{release.version}-1"

    machine.supervisor.write(name, f"connecting to {shop_spec(machine, release.version).environment['DATABASE_URL']}")
    seen_by_another_daemon = await machine.daemon().world.instance_logs.tail((name,), 1)

    assert "db:5432" not in seen_by_another_daemon[0].text
    assert spec_of(machine).environment["POSTGRES_PASSWORD"] not in seen_by_another_daemon[0].text


async def test_an_existing_config_var_is_not_replaced_by_a_link(daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    await daemon.requests.change_config("shop", {"DATABASE_URL": Secret("sqlite:///data.db")}, ACTOR)

    with pytest.raises(ServiceLinked):
        await daemon.service_links.link("db", "shop", None, ACTOR)
    link = await daemon.service_links.link("db", "shop", "PG_URL", ACTOR)

    assert link.variable == "PG_URL"


@pytest.mark.parametrize("value", [Secret("sqlite:///data.db"), None])
async def test_the_config_lists_the_url_of_a_service_and_no_change_of_the_config_can_set_it(
    daemon: Daemon, value: Secret | None
):  # fmt: skip
    await create(daemon)
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.service_links.link("db", "shop", None, ACTOR)

    listed = await daemon.engine.queries.config("shop")
    with pytest.raises(ServiceLinked) as refused:
        await daemon.requests.change_config("shop", {"DATABASE_URL": value}, ACTOR)
    await daemon.service_links.unlink("db", "shop", ACTOR)
    freed = await daemon.requests.change_config("shop", {"DATABASE_URL": Secret("sqlite:///data.db")}, ACTOR)

    assert (listed.linked, listed.version) == ({"DATABASE_URL": "db"}, 0)
    assert "services:unlink db shop" in refused.value.next
    assert (freed.linked, freed.version) == ({}, 1)


async def test_a_crashed_service_is_restarted_with_the_same_address(machine: Machine, daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    link = await daemon.service_links.link("db", "shop", None, ACTOR)
    machine.supervisor.crash("pvdify-service--db-service-v1-1", code=3)

    await run_keeper(daemon)

    assert (await daemon.services.get("db")).state is ServiceState.LIVE
    assert [it.action for it in await machine.store.events("service--db")].count("service.restarted") == 1
    assert spec_of(machine).networks == (link.network,)


async def test_a_service_that_stops_answering_is_restarted(machine: Machine, daemon: Daemon):
    await create(daemon)
    machine.inside.answer(ROW.health, code=2, error="no connection")
    await run_keeper(daemon, 20)
    machine.inside.answer(ROW.health)
    await run_keeper(daemon)

    events = [it for it in await machine.store.events("service--db") if it.action == "service.restarted"]
    assert any("did not answer 3 times" in event.text for event in events)
    assert (await daemon.services.get("db")).state is ServiceState.LIVE


async def test_a_service_that_cannot_start_reports_the_reason_and_recovers(machine: Machine, daemon: Daemon):
    machine.supervisor.fail_next("start", StartFailed("no", why="no space left on device"))
    await daemon.services.create("db", PG, ACTOR)
    await run_keeper(daemon, 1, pause=0.1)

    down = await daemon.services.get("db")
    await run_keeper(daemon)

    assert (down.state, down.problem) == (ServiceState.DOWN, "no space left on device")
    assert (await daemon.services.get("db")).state is ServiceState.LIVE


async def test_a_restart_whose_start_fails_reports_the_reason_and_is_repeated(machine: Machine, daemon: Daemon):
    await create(daemon)
    for _ in range(2):
        machine.supervisor.fail_next("start", StartFailed("no", why="disk full"))
    await daemon.services.restart("db", ACTOR)
    await run_keeper(daemon, 1, pause=0.1)
    down = await daemon.services.get("db")
    await run_keeper(daemon)
    assert (down.state, down.pending, down.problem) == (ServiceState.DOWN, None, "disk full")
    assert (await daemon.services.get("db")).state is ServiceState.LIVE


async def test_a_new_password_is_given_to_the_service_and_to_the_next_deploy(machine: Machine, daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    await daemon.service_links.link("db", "shop", None, ACTOR)
    before = spec_of(machine).environment["POSTGRES_PASSWORD"]

    await daemon.services.rotate("db", ACTOR)
    await run_keeper(daemon, 1)
    release = await daemon.deploy(image=APP)

    after = spec_of(machine).environment["POSTGRES_PASSWORD"]
    assert before != after
    assert machine.inside.given(ROW.rotate) == f"{after}\n".encode()
    assert after in shop_spec(machine, release.version).environment["DATABASE_URL"]


async def test_a_rollback_after_a_new_password_has_the_new_one(machine: Machine, daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    await daemon.service_links.link("db", "shop", None, ACTOR)
    await daemon.deploy(image=APP)
    await daemon.deploy(image=APP)
    await daemon.services.rotate("db", ACTOR)
    await run_keeper(daemon, 1)
    await machine.clock.sleep(timedelta(minutes=15).total_seconds())  # no slot is on standby any more

    back = await daemon.rollback()

    password = spec_of(machine).environment["POSTGRES_PASSWORD"]
    assert password in shop_spec(machine, back.version).environment["DATABASE_URL"]


async def test_a_password_refused_by_the_service_changes_nothing(machine: Machine, daemon: Daemon):
    await create(daemon)
    before = (await daemon.services.get("db")).config_version
    machine.inside.answer(ROW.rotate, code=1, error="permission denied")

    await daemon.services.rotate("db", ACTOR)
    await run_keeper(daemon, 1)

    service = await daemon.services.get("db")
    assert service.config_version == before
    assert "permission denied" in service.failure


async def test_an_upgrade_gets_a_copy_and_keeps_the_old_volume(machine: Machine, daemon: Daemon):
    old = await create(daemon)
    machine.inside.answer(ROW.version, output="postgres (PostgreSQL) 15.3")
    runs_as(machine, NEXT, "15.4")

    await daemon.services.upgrade("db", NEXT, ACTOR)
    await run_keeper(daemon, 2)

    new = await daemon.services.get("db")
    volumes = {it.id: it.is_trashed for it in await machine.store.volumes("service--db")}
    assert (new.state, new.image, new.failure) == (ServiceState.LIVE, NEXT, "")
    assert machine.volumes.copies == [(old.volume, new.volume)]
    assert volumes == {old.volume: True, new.volume: False}
    assert machine.supervisor.names == {new.container}


async def test_an_upgrade_over_a_major_version_dumps_and_restores(machine: Machine, daemon: Daemon):
    old = await create(daemon)
    machine.inside.answer(ROW.version, output="postgres (PostgreSQL) 15.3")
    machine.inside.answer(ROW.dump, output="everything")
    runs_as(machine, NEXT, "17.1")

    await daemon.services.upgrade("db", NEXT, ACTOR)
    await run_keeper(daemon, 2)

    new = await daemon.services.get("db")
    assert new.state is ServiceState.LIVE
    assert machine.inside.given(ROW.restore) == b"everything"
    assert machine.volumes.copies == []
    assert old.volume in {it.id for it in await machine.store.volumes("service--db") if it.is_trashed}


@pytest.mark.parametrize("broken", ["health", "restore", "count", "dump"])
async def test_an_upgrade_that_fails_leaves_the_old_service(machine: Machine, daemon: Daemon, broken: str):
    old = await create(daemon)
    machine.inside.answer(ROW.version, output="postgres (PostgreSQL) 15.3")
    runs_as(machine, NEXT, "17.1")
    new_container = "pvdify-service--db-service-v2-1"
    if broken == "count":
        machine.inside.answer(ROW.count, output="other", instance=new_container)
    else:
        instance = old.container if broken == "dump" else new_container
        machine.inside.answer(getattr(ROW, broken), code=1, error="broken", instance=instance)

    await daemon.services.upgrade("db", NEXT, ACTOR)
    await run_keeper(daemon, 3)

    after = await daemon.services.get("db")
    assert (after.state, after.image, after.volume) == (ServiceState.LIVE, POSTGRES, old.volume)
    assert after.failure.startswith(f"it was not upgraded to {NEXT}")
    assert [it.id for it in await machine.store.volumes("service--db")] == [old.volume]
    assert machine.supervisor.running == {old.container}


async def test_an_image_that_runs_on_when_asked_for_its_version_is_refused(machine: Machine, daemon: Daemon):
    old = await create(daemon)
    machine.inside.answer(ROW.version, output="postgres (PostgreSQL) 17.1")
    machine.registry.push(NEXT, content=NEXT)

    await daemon.services.upgrade("db", NEXT, ACTOR)
    await run_keeper(daemon, 1)

    after = await daemon.services.get("db")
    assert (after.state, after.image) == (ServiceState.LIVE, POSTGRES)
    assert after.failure.startswith(f"it was not upgraded to {NEXT}")
    assert machine.supervisor.running == {old.container}


async def test_an_older_version_is_refused_before_anything_stops(machine: Machine, daemon: Daemon):
    old = await create(daemon)
    machine.inside.answer(ROW.version, output="postgres (PostgreSQL) 17.1")
    runs_as(machine, NEXT, "15.3")

    await daemon.services.upgrade("db", NEXT, ACTOR)
    await run_keeper(daemon, 1)

    assert "older than 17" in (await daemon.services.get("db")).failure
    assert ("stop", old.container) not in machine.supervisor.calls


async def test_an_interrupted_upgrade_is_undone_by_the_next_daemon(machine: Machine, daemon: Daemon):
    moment = 1
    while True:
        machine = Machine()
        for image in (APP, POSTGRES, NEXT):
            machine.registry.push(image, content=image)
        machine.inside.answer(ROW.version, output="postgres (PostgreSQL) 15.3")
        runs_as(machine, NEXT, "17.1")
        first = machine.daemon()
        old = await create(first)
        await first.services.upgrade("db", NEXT, ACTOR)
        dying = machine.daemon(kill_at=moment)
        await dying.service_keeper.advance_all()
        with suppress(BaseException):  # it was killed
            await dying.service_keeper.settle()
        if not dying.is_dead:
            break
        await dying.bury()

        second = machine.daemon()
        await run_keeper(second, 4)

        service = await second.services.get("db")
        assert service.state is ServiceState.LIVE, moment
        assert (service.image, service.volume == old.volume) in [(POSTGRES, True), (NEXT, False)], moment
        await second.service_keeper.remove_leftovers()
        assert machine.supervisor.names == {service.container}, moment
        in_use = [it.id for it in await machine.store.volumes("service--db") if not it.is_trashed]
        assert in_use == [service.volume], moment
        moment += 1
    assert moment > 4


async def test_one_thing_at_a_time(daemon: Daemon):
    await create(daemon)
    await daemon.services.restart("db", ACTOR)

    with pytest.raises(ServiceBusy):
        await daemon.services.rotate("db", ACTOR)


async def test_destroying_needs_the_name_and_no_links(daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    await daemon.service_links.link("db", "shop", None, ACTOR)

    with pytest.raises(NotConfirmed):
        await daemon.services.destroy("db", None, ACTOR)
    with pytest.raises(ServiceLinked):
        await daemon.services.destroy("db", "db", ACTOR)


async def test_a_destroyed_service_can_be_restored_for_seven_days_only(machine: Machine, daemon: Daemon):
    old = await create(daemon)
    await daemon.services.destroy("db", "db", ACTOR)
    await run_keeper(daemon, 1)
    assert machine.supervisor.names == frozenset()
    assert old.volume in machine.supervisor.stored_volumes

    await daemon.services.restore("db", ACTOR)
    await run_keeper(daemon, 2)
    back = await daemon.services.get("db")
    assert (back.state, back.volume) == (ServiceState.LIVE, old.volume)

    await daemon.services.destroy("db", "db", ACTOR)
    await run_keeper(daemon, 1)
    await machine.clock.sleep(timedelta(days=8).total_seconds())
    await run_keeper(daemon, 1)
    await nothing_left(machine)


async def test_the_event_of_a_purge_names_the_service(machine: Machine, daemon: Daemon):
    await create(daemon)
    await daemon.bury()
    later = machine.daemon()  # has not read the secrets of the service yet

    await later.services.destroy("db", "db", ACTOR, purges=True)
    await run_keeper(later, 2)

    assert [it.text for it in await machine.store.events() if it.action == Action.SERVICE_PURGED] == ["db"]
    await later.bury()


async def test_a_purge_removes_everything(machine: Machine, daemon: Daemon):
    await create(daemon)
    await daemon.deploy(image=APP)
    await daemon.service_links.link("db", "shop", None, ACTOR)
    await daemon.service_links.unlink("db", "shop", ACTOR)

    await daemon.services.destroy("db", "db", ACTOR, purges=True)
    await run_keeper(daemon, 2)

    with pytest.raises(ServiceNotFound):
        await daemon.services.get("db")
    await nothing_left(machine)


async def test_a_purge_removes_the_namespace_that_the_volume_was_in(machine: Machine, daemon: Daemon):
    machine.supervisor.volumes_keep_networks = True
    await create(daemon)

    await daemon.services.destroy("db", "db", ACTOR, purges=True)
    await run_keeper(daemon, 2)

    await nothing_left(machine)


async def test_the_reconciler_leaves_services_alone(machine: Machine, daemon: Daemon):
    service = await create(daemon)

    await daemon.recover()

    assert service.container in machine.supervisor.running
    assert "service--db" in machine.supervisor.made_networks


async def nothing_left(machine: Machine) -> None:
    assert [name for name in machine.supervisor.names if "service--" in name] == []
    assert [id for id, app in machine.supervisor.stored_volumes.items() if "service--" in app] == []
    assert [name for name in machine.supervisor.made_networks if "service--" in name] == []
    assert await machine.private_networks.find() == frozenset()
    assert await machine.store.services() == ()
    assert await machine.store.service_links() == ()
    assert await machine.store.volumes("service--db") == ()
    assert await machine.store.config_versions("service--db") == ()
    assert not [app for app, _ in machine.secrets.versions if app.startswith("service--")]


async def test_an_image_that_is_removed_with_another_app_before_it_is_pinned_is_pulled_again(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    keep, lost = machine.images.keep, []

    async def keep_late(image_id: str, app: str, release: int) -> None:
        if not lost:
            lost.append(image_id)
            machine.images.lose(image_id)
        await keep(image_id, app, release)

    monkeypatch.setattr(machine.images, "keep", keep_late)

    await daemon.services.create("db", PG, ACTOR)
    await daemon.service_keeper.advance_all()
    await daemon.service_keeper.settle()

    service = await daemon.services.get("db")
    assert (lost, service.problem) == ([service.image_id], "")
    assert len(machine.images.pulled) == 2
    assert await machine.images.kept("service--db") == {1}
    await daemon.bury()
