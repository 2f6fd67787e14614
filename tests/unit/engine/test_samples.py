"""Samples of usage and requests: read without a query of the runtime, and kept over a restart."""

import asyncio
from collections.abc import Collection

import pytest

from pvdify.engine.reading.samples import IDLE_PAUSE, PAUSE
from pvdify.errors import StoreUnavailable
from pvdify.model.capacity import Usage
from pvdify.model.route import Traffic
from pvdify.model.samples import Measure
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.parts import samples_of

IMAGE = "reg.example.com/shop:v1"


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.registry.push(IMAGE)
    return machine


@pytest.fixture
async def daemon(machine: Machine) -> Daemon:
    daemon = machine.daemon()
    await daemon.deploy(image=IMAGE)
    return daemon


async def test_rates_are_those_since_the_last_sample(machine: Machine, daemon: Daemon) -> None:
    machine.router.serve("shop", 1, Traffic(requests=1000))
    await daemon.samples.take()
    machine.router.serve("shop", 1, Traffic(requests=100, app_errors=20, router_errors=5))
    await machine.clock.sleep(PAUSE)

    await daemon.samples.take()

    rates = daemon.samples.rates("shop")
    assert rates.requests * PAUSE == pytest.approx(100)
    assert rates.error_share == pytest.approx(0.25)


async def test_an_instance_whose_counter_was_reset_loses_no_requests(machine: Machine, daemon: Daemon) -> None:
    machine.router.serve("shop", 1, Traffic(requests=1000))
    await daemon.samples.take()
    machine.router.serve("shop", 1, Traffic(requests=-990))
    await machine.clock.sleep(PAUSE)

    await daemon.samples.take()

    assert daemon.samples.rates("shop").requests > 0


async def test_memory_and_cpu_are_those_of_all_instances(machine: Machine, daemon: Daemon) -> None:
    await daemon.scale(web=2)
    found = await machine.supervisor.find()
    daemon.world.runtime_queries.note(found, machine.clock.now())
    pids = [it.pid for it in found if it.pid is not None]
    machine.host.used = {pid: Usage(memory=100, cpu_seconds=1.0) for pid in pids}
    await daemon.samples.take()
    machine.host.used = {pid: Usage(memory=150, cpu_seconds=1.0 + PAUSE / 2) for pid in pids}
    await machine.clock.sleep(PAUSE)

    await daemon.samples.take()

    rates = daemon.samples.rates("shop")
    assert rates.memory == 150 * len(pids)
    assert rates.cpu == pytest.approx(0.5 * len(pids), rel=0.1)


async def test_samples_of_a_day_survive_a_restart(machine: Machine, daemon: Daemon) -> None:
    machine.router.serve("shop", 1, Traffic(requests=10))
    await daemon.samples.take()
    machine.router.serve("shop", 1, Traffic(requests=100))
    await machine.clock.sleep(PAUSE)
    await daemon.samples.take()
    await daemon.samples.save()

    restarted = samples_of(machine.daemon().world, machine.store)
    await restarted.load()

    assert restarted.day("shop", Measure.REQUESTS) == daemon.samples.day("shop", Measure.REQUESTS)
    assert restarted.day("shop", Measure.REQUESTS)[-1]


async def test_samples_of_a_destroyed_app_are_forgotten(machine: Machine, daemon: Daemon) -> None:
    await daemon.samples.take()
    await daemon.samples.save()
    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    await daemon.recover()

    await daemon.samples.take()
    await daemon.samples.save()

    assert await machine.store.samples() == {}


async def test_an_unreachable_router_costs_one_sample(machine: Machine, daemon: Daemon) -> None:
    await daemon.samples.take()
    machine.router.fail("counts")

    await daemon.samples.take()

    assert daemon.samples.rates("shop").requests == 0


async def test_unsaved_samples_stop_nothing(machine: Machine, daemon: Daemon) -> None:
    class Broken:
        async def samples(self) -> dict[str, bytes]:
            raise StoreUnavailable("the disk is full")

        async def save_samples(self, contents: object) -> None:
            raise StoreUnavailable("the disk is full")

    samples = samples_of(daemon.world, Broken())

    await samples.load()
    await samples.save()

    assert samples.rates("shop").requests == 0


async def running(daemon: Daemon) -> "asyncio.Task[None]":
    task = asyncio.create_task(daemon.samples.run())
    await asyncio.sleep(0)
    return task


async def test_samples_without_readers_are_taken_every_minute(machine: Machine, daemon: Daemon) -> None:
    task = await running(daemon)
    await machine.clock.sleep(600)
    times, measure = [], machine.host.usage

    async def usage(pids: Collection[int]) -> dict[int, Usage]:
        times.append(machine.clock.monotonic())
        return await measure(pids)

    machine.host.usage = usage  # type: ignore[method-assign]
    await machine.clock.sleep(600)

    assert len(times) == 600 / IDLE_PAUSE
    task.cancel()


async def test_the_first_reader_after_a_rest_causes_a_sample_at_once_and_more_while_it_reads(
    machine: Machine, daemon: Daemon
) -> None:
    task = await running(daemon)
    await machine.clock.sleep(625)

    daemon.samples.rates("shop")
    await machine.clock.sleep(0.1)
    first = daemon.samples.at
    await machine.clock.sleep(PAUSE)

    assert first is not None
    assert (machine.clock.now() - first).total_seconds() <= PAUSE + 0.1
    assert daemon.samples.at is not None
    assert daemon.samples.at > first
    task.cancel()


async def test_rates_are_those_of_the_last_minute_however_rarely_samples_were_taken(
    machine: Machine, daemon: Daemon
) -> None:
    task = await running(daemon)
    await machine.clock.sleep(1)
    machine.router.serve("shop", 1, Traffic(requests=600))
    await machine.clock.sleep(60)
    assert daemon.samples.rates("shop").requests == pytest.approx(10, rel=0.1)

    await machine.clock.sleep(120)

    assert daemon.samples.rates("shop").requests == 0
    task.cancel()
