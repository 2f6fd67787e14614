"""While nothing happens, nothing is queried; every change is still detected soon, whatever its cause."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pvdify.engine.running.quiet import FULL_PAUSE
from pvdify.engine.running.reconciler import PAUSE
from pvdify.errors import RuntimeUnavailable, StoreUnavailable
from pvdify.model.instance import Exit, InstanceSpec, Limits
from pvdify.model.operation import Operation, OperationKind
from pvdify.ports.store import Record
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine

IMAGE = "reg.example.com/shop:v1"
WEB, WORKER = "pvdify-shop-web-v1-1", "pvdify-shop-worker-v1-1"
PROCESSES = {"web": {}, "worker": {"command": "work"}}
SOON = 2.0  # seconds; sooner than any pause between two passes
INTRUDER = "pvdify-gone-web-v1-1"


def intruder() -> InstanceSpec:
    return InstanceSpec(
        name=INTRUDER, app="gone", process="web", slot=1, number=1, image_id="f00d", limits=Limits(memory=1)
    )  # fmt: skip


@asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[None]:
    task = asyncio.create_task(daemon.reconciler.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def at_rest() -> AsyncIterator[tuple[Machine, Daemon]]:
    """Return a server with one app, after an hour of uptime and just after a listing of containers."""
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE, manifest={"processes": PROCESSES})
    async with running(daemon):
        await machine.clock.sleep(3600)
        before = listings(machine)
        while listings(machine) == before:
            await machine.clock.sleep(1)
        await machine.clock.sleep(30)
        yield machine, daemon
    await daemon.bury()


def listings(machine: Machine) -> int:
    return [verb for verb, _ in machine.supervisor.calls].count("find")


async def test_a_server_at_rest_lists_its_containers_every_few_minutes_only():
    async with at_rest() as (machine, _):
        before = listings(machine)
        await machine.clock.sleep(3600)

        assert listings(machine) - before == 3600 / FULL_PAUSE


async def test_networks_are_isolated_again_whenever_containers_are_listed():
    """A firewall that was reloaded reports nothing to anybody."""
    async with at_rest() as (machine, _):
        before = machine.supervisor.kept_apart
        await machine.clock.sleep(3600)
        assert machine.supervisor.kept_apart - before == 3600 / FULL_PAUSE

        machine.supervisor.crash(WEB)
        await machine.clock.sleep(SOON)
        assert machine.supervisor.kept_apart - before > 3600 / FULL_PAUSE


@pytest.mark.parametrize("name", [WEB, WORKER])
async def test_an_instance_that_exits_starts_again_at_once(name: str):
    async with at_rest() as (machine, _):
        machine.supervisor.crash(name)
        await machine.clock.sleep(SOON)

        assert name in machine.supervisor.running


@pytest.mark.parametrize("name", [WEB, WORKER])
async def test_an_instance_that_another_program_removes_is_made_again_at_once(name: str):
    async with at_rest() as (machine, _):
        machine.supervisor.lose(name)
        await machine.clock.sleep(SOON)

        assert name in machine.supervisor.running


async def test_an_instance_that_the_supervisor_restarts_is_watched_again():
    async with at_rest() as (machine, daemon):
        for _ in range(3):
            machine.supervisor.crash_and_restart(WEB)
            await machine.clock.sleep(3600)
        machine.supervisor.crash(WEB)
        await machine.clock.sleep(SOON)

        assert WEB in machine.supervisor.running
        events = [event.action for event in await machine.store.events("shop")]
        assert events.count("instance.restarted") == 4
        assert (await daemon.queries.statuses())["shop"].word.value == "live"


@pytest.mark.parametrize("crash", ["crash", "crash_and_restart"])
async def test_the_count_of_running_instances_is_right_again_soon_after_a_restart(crash: str):
    async with at_rest() as (machine, daemon):
        getattr(machine.supervisor, crash)(WEB)
        await machine.clock.sleep(2 * PAUSE)

        assert daemon.queries.processes.running() == {("shop", 1): 2}


async def test_a_container_made_by_another_program_is_removed_soon():
    async with at_rest() as (machine, _):
        machine.supervisor.intrude(intruder())
        await machine.clock.sleep(SOON)

        assert INTRUDER not in machine.supervisor.names


async def test_many_changes_by_other_programs_cause_one_listing_in_a_few_seconds():
    async with at_rest() as (machine, _):
        before = listings(machine)
        for _ in range(120):
            machine.supervisor.container_changes.note()
            await machine.clock.sleep(0.5)

        assert listings(machine) - before <= 60 / PAUSE + 1


async def test_a_change_whose_report_was_lost_is_found_by_the_next_full_listing():
    async with at_rest() as (machine, _):
        machine.supervisor.container_changes.is_deaf = True
        machine.supervisor.intrude(intruder())
        await machine.clock.sleep(FULL_PAUSE + PAUSE)

        assert INTRUDER not in machine.supervisor.names


async def test_while_nothing_is_reported_the_containers_are_listed_every_few_seconds():
    async with at_rest() as (machine, _):
        changes = machine.supervisor.container_changes
        changes.stop()
        await machine.clock.sleep(SOON)
        changes.is_deaf = True
        machine.supervisor.intrude(intruder())
        await machine.clock.sleep(2 * PAUSE)
        assert INTRUDER not in machine.supervisor.names

        changes.is_deaf = False
        changes.resume()
        await machine.clock.sleep(60)
        before = listings(machine)
        await machine.clock.sleep(3600)

        assert listings(machine) - before == 3600 / FULL_PAUSE


async def test_changes_during_a_downtime_are_found_at_the_start():
    async with at_rest() as (machine, _):
        pass
    machine.supervisor.lose(WORKER)
    machine.supervisor.intrude(intruder())

    successor = machine.daemon()
    async with running(successor):
        await machine.clock.sleep(SOON)

        assert WORKER in machine.supervisor.running
        assert INTRUDER not in machine.supervisor.names
    await successor.bury()


async def test_a_listing_that_fails_is_made_again_soon():
    async with at_rest() as (machine, _):
        machine.supervisor.fail_next("find", RuntimeUnavailable("podman does not answer", why="?", next="look"))
        machine.supervisor.intrude(intruder())
        await machine.clock.sleep(2 * PAUSE)

        assert INTRUDER not in machine.supervisor.names


async def test_a_status_derived_from_records_is_recorded_soon():
    async with at_rest() as (machine, daemon):
        await daemon.requests.set_maintenance("shop", ACTOR, is_on=True)
        await machine.clock.sleep(2 * PAUSE)

        (noted,) = await machine.store.noted_statuses("shop")
        assert noted.word.value == "maintenance"


async def test_an_app_that_stays_down_is_reported_and_so_is_its_recovery():
    async with at_rest() as (machine, _):
        machine.supervisor.script(Behaviour(refuse="no memory"), name=WEB, starts=4)
        machine.supervisor.lose(WEB)
        await machine.clock.sleep(120)

        actions = [event.action for event in await machine.store.events("shop")]
        assert (actions.count("app.down"), actions.count("app.live")) == (1, 1)


async def test_a_pause_of_requests_that_ends_by_itself_is_recorded_soon():
    async with at_rest() as (machine, daemon):
        await daemon.requests.pause("shop", 30, ACTOR)
        await machine.clock.sleep(2 * PAUSE)
        (held,) = await machine.store.noted_statuses("shop")
        await machine.clock.sleep(30)

        (noted,) = await machine.store.noted_statuses("shop")
        assert (held.word.value, noted.word.value) == ("held", "live")


async def test_a_retirement_interrupted_by_a_store_error_continues_soon():
    machine = Machine(standby="1h")
    for image in (IMAGE, "reg.example.com/shop:v2"):
        machine.registry.push(image)
    daemon = machine.daemon()
    async with running(daemon):
        await daemon.deploy(image=IMAGE)
        await daemon.deploy(image="reg.example.com/shop:v2")
        await machine.clock.sleep(3000)
        fail_next_save_of_a_retirement(machine)
        await machine.clock.sleep(600 + 2 * PAUSE)

        assert WEB not in machine.supervisor.names
    await daemon.bury()


def fail_next_save_of_a_retirement(machine: Machine) -> None:
    """Let the next save of a retirement fail, as on a full disk."""
    save = machine.store.save

    async def failing(*records: Record) -> None:
        if any(isinstance(it, Operation) and it.kind is OperationKind.RETIRE for it in records):
            machine.store.save = save  # type: ignore[method-assign]
            raise StoreUnavailable("the disk is full", next="make room")
        await save(*records)

    machine.store.save = failing  # type: ignore[method-assign]


@pytest.mark.parametrize("name", [WEB, WORKER])
async def test_an_instance_that_the_supervisor_restarted_before_its_exit_was_known_is_watched_again(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    async with at_rest() as (machine, _):
        wait = machine.supervisor.wait

        async def too_late(name: str) -> Exit:
            await machine.clock.sleep(1.5)
            return await wait(name)

        monkeypatch.setattr(machine.supervisor, "wait", too_late)
        machine.supervisor.crash_and_restart(name)
        await machine.clock.sleep(1.2)
        await machine.supervisor.find()  # as with systemd: the instance has been started again by now
        await machine.clock.sleep(10)

        actions = [event.action for event in await machine.store.events("shop")]
        assert actions.count("instance.restarted") == 1
        assert machine.supervisor.calls.count(("wait_down", name)) == 2


async def test_an_error_in_the_change_reports_is_recovered_soon(monkeypatch: pytest.MonkeyPatch):
    async with at_rest() as (machine, _):
        changes = machine.supervisor.container_changes
        wait, faults = changes.wait, [ValueError("a fault of ours")]

        async def faulty() -> None:
            if faults:
                raise faults.pop()
            await wait()

        monkeypatch.setattr(changes, "wait", faulty)
        changes.note()  # the call that is under way ends, and the next one fails
        await machine.clock.sleep(3 * PAUSE)
        assert faults == []
        machine.supervisor.intrude(intruder())
        await machine.clock.sleep(2 * PAUSE)

        assert INTRUDER not in machine.supervisor.names
