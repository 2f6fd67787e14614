"""How many one-off commands, and connections into instances, one app may have at the same time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pvdify.engine.running import one_offs
from pvdify.engine.running.one_offs import EXEC, MOST_AT_ONCE, RUN, TUNNEL, InstanceSelector, OneOff
from pvdify.errors import AppBusy
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.asking import IMAGE

SPARE = 5  # requests beyond the limit
Begin = Callable[[Daemon, str], Awaitable[OneOff]]
KINDS: dict[str, Begin] = {
    RUN: lambda daemon, app: daemon.engine.one_offs.start(app, ["sleep", "9"], None, ACTOR),
    EXEC: lambda daemon, app: daemon.engine.one_offs.enter(app, InstanceSelector(), ["sleep", "9"], None, ACTOR),
    TUNNEL: lambda daemon, app: daemon.engine.one_offs.connect(app, InstanceSelector(), 8080, ACTOR),
}


@pytest.fixture
async def daemon():
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    await daemon.deploy("shop")
    await daemon.deploy("blog")
    yield daemon
    await daemon.bury()


@pytest.mark.parametrize("kind", KINDS)
async def test_concurrent_one_offs_are_limited_per_app(daemon: Daemon, kind: str) -> None:
    wanted = (KINDS[kind](daemon, "shop") for _ in range(MOST_AT_ONCE[kind] + SPARE))

    begun = await asyncio.gather(*wanted, return_exceptions=True)

    refused = [each for each in begun if isinstance(each, BaseException)]
    assert len(refused) == SPARE
    assert {type(each) for each in refused} == {AppBusy}
    assert (await KINDS[kind](daemon, "blog")).spec.app == "blog"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_ended_one_off_frees_its_place(daemon: Daemon, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MOST_AT_ONCE, kind, 1)
    await KINDS[kind](daemon, "shop")
    with pytest.raises(AppBusy):
        await KINDS[kind](daemon, "shop")

    await daemon.machine.clock.sleep(one_offs.ABSENCE + 2)  # no client has come

    assert (await KINDS[kind](daemon, "shop")).spec.app == "shop"


@pytest.mark.parametrize("kind", KINDS)
async def test_one_offs_have_unique_numbers(daemon: Daemon, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_offs, "NUMBERS", range(1000, 1010))

    begun = [await KINDS[kind](daemon, "shop") for _ in range(10)]

    assert {run.spec.number for run in begun} == set(range(1000, 1010))
    assert [daemon.engine.one_offs.find("shop", run.id) for run in begun] == begun
