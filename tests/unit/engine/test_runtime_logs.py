"""Following the logs of instances through the engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta

import pytest

from pvdify.engine.reading import runtime_logs
from pvdify.errors import AppNotFound, ReleaseNotFound, RuntimeUnavailable
from pvdify.model.instance import LogLine
from tests.fakes.machine import Daemon, Machine
from tests.support.asking import IMAGE

WEB = "pvdify-shop-web-v1-1"


@pytest.fixture
async def daemon():
    machine = Machine(standby="1s")
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy()
    yield daemon
    await daemon.bury()


class Passing:
    """A supervisor that passes all calls on, for overriding a part."""

    def __init__(self, daemon: Daemon) -> None:
        self._port = daemon.machine.supervisor

    def __getattr__(self, name: str) -> object:
        return getattr(self._port, name)


class Failing(Passing):
    """A supervisor whose lines cannot be read."""

    async def follow(self, names: list[str], *, since: datetime) -> AsyncIterator[LogLine]:
        raise RuntimeUnavailable("journalctl does not answer")
        yield


def reading(daemon: Daemon, supervisor: Passing) -> runtime_logs.RuntimeLogs:
    return runtime_logs.RuntimeLogs(
        clock=daemon.world.clock,
        instance_logs=supervisor,  # type: ignore[arg-type]
        observed=daemon.world.observed,
        store=daemon.world.store,
    )


async def test_a_slow_reader_causes_no_unbounded_queue(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runtime_logs, "MOST_WAITING", 10)  # instead of thousands of lines
    taken = 0

    class Counting(Passing):
        async def follow(self, names: list[str], **since: object) -> AsyncIterator[LogLine]:
            nonlocal taken
            async for line in daemon.machine.supervisor.follow(names, **since):  # type: ignore[arg-type]
                taken += 1
                yield line

    logs = reading(daemon, Counting(daemon))
    for number in range(1000):
        daemon.machine.supervisor.write(WEB, str(number))
    began = daemon.machine.clock.now() - timedelta(minutes=1)

    async with aclosing(logs.follow("shop", None, None, began)) as lines:
        first, _ = await anext(lines)
        await asyncio.sleep(0.05)

    assert first.text == "0"
    assert taken <= 12


async def test_a_reader_gets_an_error_if_lines_become_unreadable(daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runtime_logs, "LOOK_SECONDS", 0.01)  # this wait is for a real queue, on no clock of ours
    began = daemon.machine.clock.now()
    with pytest.raises(RuntimeUnavailable):
        async with aclosing(reading(daemon, Failing(daemon)).follow("shop", None, None, began)) as lines:
            await anext(lines)


async def test_logs_of_a_missing_release_are_an_error(daemon: Daemon):
    with pytest.raises(AppNotFound):
        await daemon.queries.runtime_logs.writers("blog", None, None)
    with pytest.raises(ReleaseNotFound):
        await daemon.queries.runtime_logs.writers("shop", None, 7)
