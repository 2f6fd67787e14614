"""The daemon is killed before and after every journal write and restarted, and must recover by itself.

Recovered means: exactly one release serves, no request was unanswered, nothing is left over, the status is correct,
hooks ran once, and the next deploy works.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from pvdify.model.operation import Strategy
from pvdify.model.release import ReleaseStatus
from pvdify.model.route import Traffic
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.images import FakeRegistry
from tests.fakes.machine import ACTOR, Daemon, Killed, Machine, assert_consistent
from tests.support.wanted import deploy_request

pytestmark = pytest.mark.slow

V1, V2, V3 = (f"reg.example.com/shop:v{number}" for number in (1, 2, 3))
HOOK, WARM, ON_FAILURE = ("migrate",), ("warm",), ("tell",)
BROKEN = FakeRegistry().push(V2, content="v2").image_id
FULL: dict[str, Any] = {
    "processes": {"web": {"count": 2}, "worker": {"command": ["worker"]}},
    "hooks": {"pre_deploy": [list(HOOK)], "post_deploy": [list(WARM)], "on_failure": [list(ON_FAILURE)]},
}

STATEFUL: dict[str, Any] = {
    **FULL,
    "processes": {"web": {}, "worker": {"command": ["worker"]}},
    "volumes": {"data": {"path": "/data"}},
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``prepare`` runs without a kill and makes ``versions`` releases; the daemon is killed during ``act``.

    Wherever it is killed, the release that ``act`` requested ends in the state that it reaches without a kill.
    ``ways``: how many web instances and workers there may be in the end: as before, or as requested.
    """

    versions: int
    ends: ReleaseStatus = ReleaseStatus.ACTIVE
    prepare: Callable[[Daemon], Awaitable[object]]
    act: Callable[[Daemon], Awaitable[object]]
    is_hooked: bool = False
    ways: tuple[tuple[int, int], ...] = ()


async def _nothing(daemon: Daemon) -> None:
    pass


async def _deploy(daemon: Daemon, image: str, manifest: dict[str, Any] | None = None) -> None:
    release = await daemon.requests.deploy("shop", deploy_request(image=image, manifest=manifest), ACTOR)
    await daemon.finish("shop", release.version)


async def _stop_first(daemon: Daemon) -> None:
    await daemon.deploy(image=V2, manifest=FULL, strategy=Strategy.STOP_FIRST)


async def _stop_first_that_fails(daemon: Daemon) -> None:
    behaviour = Behaviour(exit_code=1, exit_after=0.3, listens_after=9)
    daemon.machine.supervisor.script(behaviour, process="web", image_id=BROKEN)
    await _stop_first(daemon)


async def _with_volume(daemon: Daemon) -> None:
    await _deploy(daemon, V1, {**STATEFUL, "hooks": {}})


async def _restart_with_volume_that_fails(daemon: Daemon) -> None:
    behaviour = Behaviour(exit_code=1, exit_after=0.3, listens_after=9)
    daemon.machine.supervisor.script(behaviour, name="pvdify-shop-web-v1-101")  # the one that is to take its place
    await daemon.restart()


async def _hand_over(daemon: Daemon) -> None:
    await _deploy(daemon, V2, STATEFUL)


async def _hand_over_that_fails(daemon: Daemon) -> None:
    behaviour = Behaviour(exit_code=1, exit_after=0.3, listens_after=9)
    daemon.machine.supervisor.script(behaviour, process="web", image_id=BROKEN)
    await _hand_over(daemon)


async def _rollback_stopping_first(daemon: Daemon) -> None:
    await daemon.rollback(strategy=Strategy.STOP_FIRST)


async def _rollback(daemon: Daemon) -> None:
    release = await daemon.requests.rollback("shop", None, ACTOR)
    await daemon.finish("shop", release.version)


async def _two_deploys(daemon: Daemon) -> None:
    await _deploy(daemon, V1)
    await _deploy(daemon, V2)


async def _two_deploys_long_ago(daemon: Daemon) -> None:
    await _two_deploys(daemon)
    await daemon.finish_retirements()


async def _failing(daemon: Daemon) -> None:
    behaviour = Behaviour(exit_code=1, exit_after=0.3, listens_after=9)
    daemon.machine.supervisor.script(behaviour, process="web", image_id=BROKEN)
    await _deploy(daemon, V2, FULL)


async def _failing_worker(daemon: Daemon) -> None:
    behaviour = Behaviour(exit_code=1, exit_after=1.0)
    daemon.machine.supervisor.script(behaviour, process="worker", image_id=BROKEN)
    await _deploy(daemon, V2, FULL)


async def _two_types(daemon: Daemon) -> None:
    await _deploy(daemon, V1, {**FULL, "hooks": {}})


async def _scale_up(daemon: Daemon) -> None:
    await daemon.scale(web=4, worker=2)


async def _scale_both_ways(daemon: Daemon) -> None:
    await daemon.scale(web=1, worker=2)


async def _scale_that_fails(daemon: Daemon) -> None:
    daemon.machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.3, listens_after=9), process="web", number=3)
    await daemon.scale(web=3, worker=0)


async def _restart(daemon: Daemon) -> None:
    await daemon.restart()


async def _restart_that_fails(daemon: Daemon) -> None:
    daemon.machine.supervisor.script(Behaviour(exit_code=1, exit_after=1.0), process="worker", number=2)
    await daemon.restart()


async def _stop(daemon: Daemon) -> None:
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=True))


async def _stopped(daemon: Daemon) -> None:
    await _two_types(daemon)
    await _stop(daemon)


async def _start(daemon: Daemon) -> None:
    await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=False))


async def _resized(daemon: Daemon) -> None:
    await _two_deploys(daemon)
    await daemon.scale(web=2)


async def _deploy_and_retire(daemon: Daemon) -> None:
    await _deploy(daemon, V2)
    await daemon.finish_retirements()


async def _taken_back(daemon: Daemon) -> None:
    daemon.machine.router.serve("shop", 2, Traffic(requests=100, app_errors=50))
    await _deploy(daemon, V2, {"guard": {"max_error_rate": "5%"}})
    await daemon.finish("shop", 3)


SCENARIOS = {
    "first deploy": Scenario(versions=0, prepare=_nothing, act=lambda daemon: _deploy(daemon, V1)),
    "second deploy": Scenario(
        versions=1, prepare=lambda daemon: _deploy(daemon, V1), act=lambda daemon: _deploy(daemon, V2)
    ),
    "deploy with workers and hooks": Scenario(
        versions=1,
        prepare=lambda daemon: _deploy(daemon, V1, {**FULL, "hooks": {}}),
        act=lambda daemon: _deploy(daemon, V2, FULL),
        is_hooked=True,
    ),
    "failing deploy": Scenario(
        versions=1,
        prepare=lambda daemon: _deploy(daemon, V1),
        act=_failing,
        ends=ReleaseStatus.FAILED,
        is_hooked=True,
    ),
    "failing worker": Scenario(
        versions=1,
        prepare=lambda daemon: _deploy(daemon, V1, {**FULL, "hooks": {}}),
        act=_failing_worker,
        ends=ReleaseStatus.FAILED,
    ),
    "warm rollback": Scenario(versions=2, prepare=_two_deploys, act=_rollback),
    "cold rollback": Scenario(versions=2, prepare=_two_deploys_long_ago, act=_rollback),
    "guard takes a release back": Scenario(versions=1, prepare=lambda daemon: _deploy(daemon, V1), act=_taken_back),
    "scale up": Scenario(versions=1, prepare=_two_types, act=_scale_up, ways=((2, 1), (4, 2))),
    "scale both ways": Scenario(versions=1, prepare=_two_types, act=_scale_both_ways, ways=((2, 1), (1, 2))),
    "scale in vain": Scenario(versions=1, prepare=_two_types, act=_scale_that_fails, ways=((2, 1),)),
    "restart": Scenario(versions=1, prepare=_two_types, act=_restart, ways=((2, 1),)),
    "restart in vain": Scenario(versions=1, prepare=_two_types, act=_restart_that_fails, ways=((2, 1),)),
    "stop": Scenario(versions=1, prepare=_two_types, act=_stop, ways=((2, 1), (0, 0))),
    "start": Scenario(versions=1, prepare=_stopped, act=_start, ways=((0, 0), (2, 1))),
    "warm rollback to another size": Scenario(versions=2, prepare=_resized, act=_rollback),
    "stop first": Scenario(
        versions=1,
        prepare=_two_types,
        act=_stop_first,
        is_hooked=True,
        ways=((2, 1),),
    ),
    "stop first in vain": Scenario(
        versions=1,
        prepare=_two_types,
        act=_stop_first_that_fails,
        ends=ReleaseStatus.FAILED,
        is_hooked=True,
        ways=((2, 1),),
    ),
    "restart with a volume": Scenario(versions=1, prepare=_with_volume, act=_restart, ways=((1, 1),)),
    "restart with a volume in vain": Scenario(
        versions=1, prepare=_with_volume, act=_restart_with_volume_that_fails, ways=((1, 1),)
    ),
    "hand a volume over": Scenario(versions=1, prepare=_with_volume, act=_hand_over, is_hooked=True, ways=((1, 1),)),
    "hand a volume over in vain": Scenario(
        versions=1,
        prepare=_with_volume,
        act=_hand_over_that_fails,
        ends=ReleaseStatus.FAILED,
        is_hooked=True,
        ways=((1, 1),),
    ),
    "stop first, with one on standby": Scenario(versions=2, prepare=_two_deploys, act=_rollback_stopping_first),
    "deploy and retirement": Scenario(versions=1, prepare=lambda daemon: _deploy(daemon, V1), act=_deploy_and_retire),
}


def _machine() -> Machine:
    machine = Machine(standby="20s")
    for image in (V1, V2, V3):
        machine.registry.push(image, content=image[-2:])
    for hook in ("pre_deploy", "post_deploy", "on_failure"):
        machine.supervisor.script(Behaviour(exit_code=0, exit_after=1.0), process=hook)
    return machine


async def _moments(scenario: Scenario) -> int:
    machine = _machine()
    first = machine.daemon()
    await scenario.prepare(first)
    await first.bury()
    daemon = machine.daemon()
    await daemon.worker.resume()
    await scenario.act(daemon)
    await daemon.bury()
    return daemon.moments


async def _prepared(scenario: Scenario) -> Machine:
    machine = _machine()
    daemon = machine.daemon()
    await scenario.prepare(daemon)
    await daemon.bury()
    return machine


async def _killed(machine: Machine, doing: Callable[[Daemon], Awaitable[object]], kill_at: int) -> None:
    daemon = machine.daemon(kill_at)
    act = asyncio.ensure_future(_until_killed(daemon, doing))
    died = asyncio.ensure_future(daemon.died.wait())
    await asyncio.wait({act, died}, return_when=asyncio.FIRST_COMPLETED)
    await daemon.bury()
    act.cancel()
    died.cancel()
    await asyncio.gather(act, died, return_exceptions=True)


async def _until_killed(daemon: Daemon, doing: Callable[[Daemon], Awaitable[object]]) -> None:
    with suppress(Killed):
        await daemon.worker.resume()
        await doing(daemon)


async def _assert_right(machine: Machine, scenario: Scenario, moment: str) -> None:
    daemon = machine.daemon()
    await daemon.recover()
    assert machine.unserved == [], moment
    if await machine.store.releases("shop", 99):
        newest = (await machine.store.releases("shop", 99))[0]
        if any(release.status is ReleaseStatus.ACTIVE for release in await machine.store.releases("shop", 99)):
            await assert_consistent(machine)
        if newest.version > scenario.versions:
            assert newest.status is scenario.ends, (moment, newest.failure)
            assert newest.version <= scenario.versions + 2, moment
    if scenario.ways:
        (slot,) = [slot for slot in await machine.store.slots("shop") if slot.state is SlotState.LIVE]
        assert (len(slot.of("web")), len(slot.of("worker"))) in scenario.ways, moment
        assert machine.supervisor.names == {place.name for place in slot.placements}, moment
        await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=False))
    if scenario.is_hooked and (newest := (await machine.store.releases("shop", 99))[0]).version > scenario.versions:
        is_live = newest.status is ReleaseStatus.ACTIVE
        ran = tuple(machine.supervisor.executions(hook) for hook in (HOOK, WARM, ON_FAILURE))
        assert ran == ((1, 1, 0) if is_live else (1, 0, 1)), moment
    begun = machine.clock.monotonic()
    release = await daemon.deploy(image=V3, manifest={})
    assert release.status is ReleaseStatus.ACTIVE, (moment, release.failure)
    assert machine.clock.monotonic() - begun < 15, moment
    await daemon.finish_retirements()
    await daemon.reconciler.reconcile()
    await assert_consistent(machine)
    slots = await machine.store.slots("shop")
    assert machine.supervisor.names == {place.name for slot in slots for place in slot.placements}, moment
    assert len(slots) == 1, moment
    assert machine.unserved == [], moment
    assert all(len(slots) == 1 for used in machine.supervisor.shared_by.values() for slots in used), moment
    assert all(len(web) <= 1 for used in machine.supervisor.shared_in.values() for web in used), moment
    await daemon.bury()


@pytest.mark.parametrize("name", SCENARIOS)
async def test_killed_at_every_journal_write(name: str):
    scenario = SCENARIOS[name]
    count = await _moments(scenario)
    assert count > 10

    for kill_at in range(1, count + 1):
        machine = await _prepared(scenario)
        await _killed(machine, scenario.act, kill_at)
        await _assert_right(machine, scenario, f"{name}: killed at moment {kill_at} of {count}")


@pytest.mark.parametrize(
    "name",
    [
        "second deploy",
        "failing deploy",
        "warm rollback",
        "deploy with workers and hooks",
        "scale both ways",
        "restart",
        "stop first in vain",
    ],
)
async def test_killed_again_while_it_recovers(name: str):
    scenario = SCENARIOS[name]
    count = await _moments(scenario)

    for kill_at in range(1, count + 1, 3):
        for again_at in range(1, 12, 2):
            machine = await _prepared(scenario)
            await _killed(machine, scenario.act, kill_at)
            await _killed(machine, lambda daemon: daemon.recover(), again_at)
            await _assert_right(machine, scenario, f"{name}: killed at {kill_at} of {count}, then at {again_at}")
