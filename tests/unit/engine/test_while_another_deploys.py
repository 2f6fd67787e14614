"""Requests that come while another deploy of the app waits or runs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pvdify.model.operation import OperationState
from pvdify.model.release import Release, ReleaseStatus, Source
from pvdify.model.scale import RequestedCount
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.wanted import deploy_request, preview_request

V1, V2, V3 = (f"reg.example.com/shop:v{number}" for number in (1, 2, 3))
DATA = {"volumes": {"data": {"path": "/data"}}}


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.supervisor.script(Behaviour(healthy_after=2.0))
    for image in (V1, V2, V3):
        machine.registry.push(image, content=image)
    return machine


@pytest.fixture
async def daemon(machine: Machine) -> AsyncIterator[Daemon]:
    """Make shop with V1 live."""
    daemon = machine.daemon()
    await daemon.deploy(image=V1)
    yield daemon
    await daemon.bury()


async def asked(daemon: Daemon, **request: Any) -> Release:
    return await daemon.requests.deploy("shop", deploy_request(**request), ACTOR)


async def until_running(daemon: Daemon) -> None:
    while not [it for it in await daemon.store.unsettled_operations() if it.state is OperationState.RUNNING]:
        await daemon.clock.sleep(0.01)


@pytest.mark.parametrize("waits", [True, False])
async def test_a_deploy_without_an_image_never_puts_an_older_image_back(daemon: Daemon, waits: bool):
    second = await asked(daemon, image=V2, manifest={"stop_timeout": "7s"})
    if not waits:
        await until_running(daemon)

    third = await asked(daemon)
    await daemon.finish("shop", second.version)
    live = await daemon.finish("shop", third.version)

    assert (live.status, live.image, live.manifest.stop_timeout) == (ReleaseStatus.ACTIVE, V2, 7.0)


async def test_a_deploy_without_a_manifest_keeps_that_of_the_deploy_before_it(daemon: Daemon):
    second = await asked(daemon, image=V2, manifest={"stop_timeout": "7s"})
    await until_running(daemon)

    third = await asked(daemon, image=V3)
    await daemon.finish("shop", second.version)
    live = await daemon.finish("shop", third.version)

    assert (live.image, live.manifest.stop_timeout) == (V3, 7.0)


async def test_a_canceled_deploy_is_not_repeated(daemon: Daemon):
    second = await asked(daemon, image=V2)
    await daemon.requests.cancel("shop", second.version, ACTOR)

    third = await asked(daemon)

    assert (await daemon.finish("shop", third.version)).image == V1


async def test_a_late_older_build_leaves_the_queue_alone(daemon: Daemon):
    await daemon.deploy(image=V1, branch="main", run_number=20)
    running = await asked(daemon, image=V2, source=Source(branch="main", run_number=21))
    await until_running(daemon)
    waiting = await asked(daemon, image=V3)

    late = await asked(daemon, image=V1, source=Source(branch="main", run_number=19))
    await daemon.finish("shop", running.version)
    live = await daemon.finish("shop", waiting.version)

    assert late.status is ReleaseStatus.SUPERSEDED
    assert (live.status, live.image) == (ReleaseStatus.ACTIVE, V3)


async def test_a_scale_that_waits_for_a_deploy_respects_its_volumes(machine: Machine, daemon: Daemon):
    second = await asked(daemon, image=V2, manifest=DATA)
    scaling = await daemon.processes.scale("shop", {"web": RequestedCount(number=2)}, ACTOR)

    await daemon.finish("shop", second.version)
    failed = await daemon.finish_operation(scaling)

    assert failed.error is not None
    assert failed.error.code == "volume-not-shared"
    assert len([name for name in machine.supervisor.running if "-v2-" in name]) == 1


async def test_no_deploy_waits_for_a_route_while_it_holds_the_hostnames(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    locks = daemon.renames._locks  # a rename holds the route while it waits for the hostnames
    routes = locks.routes

    def checked(app: str) -> asyncio.Lock:
        assert not locks.hostnames.locked()
        return routes(app)

    monkeypatch.setattr(locks, "routes", checked)

    assert (await daemon.deploy(image=V2)).status is ReleaseStatus.ACTIVE


async def test_a_preview_without_a_manifest_keeps_that_of_its_deploy_under_way(daemon: Daemon):
    first = preview_request(image=V2, manifest={"stop_timeout": "7s"})
    await daemon.previews.open("shop", 12, first, ACTOR)
    await until_running(daemon)

    _, second = await daemon.previews.open("shop", 12, preview_request(image=V3), ACTOR)

    assert (second.image, second.manifest.stop_timeout) == (V3, 7.0)
