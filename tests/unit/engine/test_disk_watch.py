"""Disk usage of apps: measured periodically, and reported once when it exceeds the limit."""

from collections.abc import AsyncIterator

import pytest

from pvdify.errors import RuntimeUnavailable
from pvdify.model.disk_use import DiskUse
from tests.fakes.machine import Daemon, Machine
from tests.support.parts import disk_watch_of

V1 = "reg.example.com/shop:v1"
GIB = 1024**3
LARGE = DiskUse(layers=GIB, volumes=10 * GIB, logs=1000)


@pytest.fixture
async def machine() -> Machine:
    machine = Machine()
    machine.registry.push(V1)
    return machine


@pytest.fixture
async def daemon(machine: Machine) -> AsyncIterator[Daemon]:
    daemon = machine.daemon()
    await daemon.deploy(image=V1)
    yield daemon
    await daemon.bury()


async def notices(machine: Machine) -> list[tuple[str, str]]:
    events = [it for it in await machine.store.events() if it.action.startswith("app.disk-")]
    return [(it.action, it.text) for it in sorted(events, key=lambda it: it.id)]


async def test_an_app_over_the_limit_is_reported_once_and_when_it_is_below_again(machine: Machine, daemon: Daemon):
    watch = disk_watch_of(daemon.world)
    for use in (DiskUse(volumes=9 * GIB), LARGE, LARGE, DiskUse(volumes=round(9.9 * GIB)), DiskUse(volumes=GIB)):
        machine.disk_meter.use = {"shop": use, "unknown": LARGE}
        await watch.measure()

    assert await notices(machine) == [
        (
            "app.disk-exceeded",
            "12 GB (volumes 11 GB, containers 1.1 GB, logs 1.0 kB) on the server's disk, "
            "more than 11 GB (`max_app_disk`)",
        ),
        ("app.disk-recovered", "1.1 GB (volumes 1.1 GB)"),
    ]
    assert daemon.world.disk_board.over == frozenset()


async def test_a_failed_measurement_keeps_the_last_known_usage(machine: Machine, daemon: Daemon):
    watch = disk_watch_of(daemon.world)
    machine.disk_meter.use = {"shop": LARGE}
    await watch.measure()
    machine.disk_meter.error = RuntimeUnavailable("podman does not answer")

    await watch.measure()

    assert daemon.world.disk_board.use == {"shop": LARGE}
    assert daemon.world.disk_board.over == {"shop"}
