"""A machine of fakes with a live service and a backup target, and helpers for tests of service backups."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pvdify.engine.state.backups.scratch import GENERATION
from pvdify.engine.state.services.services import ServiceRequest
from pvdify.model.backup import Backup, BackupTask, RestoreSubject
from pvdify.model.service import Service, container_name
from tests.fakes.machine import Daemon, Machine
from tests.support.asking import ACTOR
from tests.support.databases import Databases

POSTGRES, FILES = "reg.example.com/postgres:15", "reg.example.com/files:1"

REQUESTS = {
    "db": ServiceRequest(kind="postgres", image=POSTGRES),
    "files": ServiceRequest(image=FILES, port=80, volume="/srv", environment={"TOKEN": "{password}"}),
}


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    for image in (POSTGRES, FILES):
        machine.registry.push(image, content=image)
    return machine


@pytest.fixture
def databases(machine: Machine) -> Databases:
    return Databases(machine)


@pytest.fixture
async def daemon(machine: Machine, databases: Databases) -> AsyncIterator[Daemon]:
    """A server with a live service and a target."""
    daemon = machine.daemon()
    await daemon.services.create("db", ServiceRequest(kind="postgres", image=POSTGRES), ACTOR)
    await run_keeper(daemon)
    await daemon.backups.set_target("/mnt/nas", {}, ACTOR)
    yield daemon
    await daemon.bury()


async def run_keeper(daemon: Daemon, times: int = 3, *, pause: float = 6.0) -> None:
    for _ in range(times):
        await daemon.service_keeper.advance_all()
        await daemon.service_keeper.settle()
        await daemon.clock.sleep(pause)


@asynccontextmanager
async def minded(daemon: Daemon) -> AsyncIterator[None]:
    """The keeper of services works meanwhile."""
    working = asyncio.create_task(daemon.service_keeper.run())
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def make(daemon: Daemon) -> Backup:
    await daemon.backups.run(ACTOR)
    await daemon.keeper.run_due()
    return (await daemon.store.backups())[0]


async def drill(daemon: Daemon) -> BackupTask:
    await daemon.backups.verify("", ACTOR, accepts_smaller=False)
    await daemon.keeper.run_due()
    return (await daemon.store.backup_tasks())[0]


async def restore(daemon: Daemon, *, service: str = "db", to: str = "", replaces: bool = False) -> BackupTask:
    wanted = RestoreSubject(app="", service=service, to=to or service, replaces=replaces)
    await daemon.backups.restore("", wanted, ACTOR)
    async with minded(daemon):
        await daemon.keeper.run_due()
    return (await daemon.store.backup_tasks())[0]


def scratch_of(service: Service) -> str:
    return container_name(service, GENERATION)


def kinds_of(backup: Backup) -> list[str]:
    return [it.kind.value for it in backup.items]
