"""Schedules: how long each call of a port takes, drawn by a seed, and with it in which order everything happens.

On a busy server with many containers, listing them takes seconds, and operations begin and end meanwhile.
"""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

from pvdify.engine.running.reconciler import Reconciler
from pvdify.engine.wiring.running import wire_reconciler
from pvdify.errors import PvdifyError
from pvdify.model.endpoint import NO_ROUTE, Endpoint
from pvdify.model.instance import InstanceSpec, Role
from pvdify.model.names import WEB
from pvdify.model.operation import OperationKind, OperationState, Strategy
from pvdify.model.scale import RequestedCount
from pvdify.model.slot import Phase, SlotState
from tests.fakes.container import Container
from tests.fakes.machine import ACTOR, Daemon, Killed, Machine, assert_consistent
from tests.fakes.supervisor import FakeSupervisor
from tests.support.deployed import Deployed
from tests.support.virtual_time import VirtualLoop
from tests.support.wanted import deploy_request

IMAGES = ("reg.example.com/shop:v1", "reg.example.com/shop:v2")
MANIFEST: dict[str, Any] = {
    "processes": {"web": {"count": 2}, "worker": {"command": ["worker"]}},
    "stop_timeout": "1s",
    "drain": "2s",
}
# Longest seconds of a call, by verb; half before its effect and half after it.
SLOW = {
    "find": 9.0, "start": 1.5, "stop": 0.6, "remove": 0.6, "networks": 1.0, "put": 0.2, "routes": 0.1, "take_out": 0.1,
    "probe": 0.1, "wait": 0.3, "wait_down": 0.02,
}  # fmt: skip
STORE = 0.02
TOO_LONG = 2.0  # seconds for which a route may have only a dead instance while another one is up


@dataclass
class Pace:
    """How slow the machine is; nothing takes time until ``is_slow``."""

    random: random.Random
    loop: VirtualLoop
    is_slow: bool = False

    def pause(self, longest: float) -> "asyncio.Future[None] | None":
        """Half of the time nothing, else a wait of up to half of this."""
        chance = self.random.random
        return self.loop.pause(longest / 2 * chance()) if self.is_slow and chance() < 0.5 else None


class Slow:
    """A port whose calls take their time, before and after what they do."""

    def __init__(self, port: object, pace: Pace, longest: float | None = None) -> None:
        self._port, self._pace, self._longest = port, pace, longest

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        longest = SLOW.get(name, 0.0) if self._longest is None else self._longest
        if not longest or not inspect.iscoroutinefunction(method):
            return method
        pause = self._pace.pause

        async def call(*arguments: object, **named: object) -> object:
            if (before := pause(longest)) is not None:
                await before
            result = await method(*arguments, **named)
            if (after := pause(longest)) is not None:
                await after
            return result

        setattr(self, name, call)  # the next call finds it without asking here
        return call


class WatchedSupervisor(FakeSupervisor):
    """Record when a worker starts beside another worker."""

    wrongs: list[str]

    def _start(self, container: Container) -> None:
        super()._start(container)
        spec = container.spec
        if spec.role is Role.INSTANCE and spec.process != WEB:
            self._look_for_another(spec)

    def _look_for_another(self, spec: InstanceSpec) -> None:
        running = [name for name in self.running if self.spec(name).process == spec.process]
        if len(running) > 1:
            self.wrongs.append(f"two workers at once: {sorted(running)}")


class Judged:
    """The instances as the reconciler has them: what it takes away, no operation may want."""

    def __init__(self, instances: Any, schedule: "Schedule") -> None:
        self._instances, self._schedule = instances, schedule

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instances, name)

    async def stop(self, name: str, grace: float) -> None:
        await self._schedule.note_taken_away(name)
        await self._instances.stop(name, grace)

    async def remove(self, name: str) -> None:
        await self._schedule.note_taken_away(name)
        await self._instances.remove(name)


@dataclass
class Schedule:
    """One history of one app on a slow server, decided by its seed. ``wrongs``: what must never be."""

    seed: int
    wrongs: list[str] = field(default_factory=list)
    is_dead: bool = False  # pvdifyd was killed, and the next one has not started

    def run(self) -> list[str]:
        """Run the schedule; return what went wrong."""
        loop = _deployed().loop()
        try:
            loop.run_until_complete(self._live(loop))
            loop.run_until_complete(_end_all())
        finally:
            loop.close()
        return self.wrongs

    async def _live(self, loop: VirtualLoop) -> None:
        self.random = random.Random(self.seed)
        self.pace = Pace(self.random, loop)
        self.machine, self.daemon = self._server(loop)
        self.pace.is_slow = True
        self._reconciling = asyncio.create_task(self._reconciler().run())
        watching = asyncio.create_task(self._watch_visitors())
        await asyncio.gather(*(self._later(move) for move in self._moves()))
        await self._settle()
        await self._end_maintenance()
        self.pace.is_slow = False
        await asyncio.sleep(25)
        await self._judge_the_end()
        for task in (self._reconciling, watching):
            task.cancel()
        await self.daemon.bury()

    def _server(self, loop: VirtualLoop) -> tuple[Machine, Daemon]:
        machine = _deployed().machine(loop)
        machine.supervisor.__class__ = WatchedSupervisor  # others have it already, so it is not replaced
        cast("WatchedSupervisor", machine.supervisor).wrongs = self.wrongs
        machine.is_watched = False  # instances crash here
        for port in ("supervisor", "router", "prober"):
            setattr(machine, port, Slow(getattr(machine, port), self.pace))
        machine.store = Slow(machine.store, self.pace, STORE)  # type: ignore[assignment]
        return machine, machine.daemon()

    def _reconciler(self) -> Reconciler:
        world = self.daemon.world
        judged = replace(world, instances=Judged(world.instances, self))  # type: ignore[arg-type]
        return wire_reconciler(judged, self.daemon.running, self.daemon.worker)

    # -- what happens ------------------------------------------------------------------------------------------------

    def _moves(self) -> list[Callable[[], Awaitable[object]]]:
        people = (
            self._restart, self._restart, self._deploy, self._scale, self._roll_back, self._stop_or_start,
            self._change_domain, self._maintain,
        )  # fmt: skip
        accidents = (
            self._crash_web, self._crash_two, self._crash_and_restart, self._crash_worker, self._lose,
            self._kill_daemon,
        )  # fmt: skip
        asked = self.random.choices(people, k=self.random.randint(1, 3))
        happened = self.random.choices(accidents, k=self.random.randint(0, 2))
        return [*asked, *happened, *([self._destroy] if self.random.random() < 0.05 else [])]

    async def _later(self, move: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(self.random.uniform(0, 12))
        with suppress(PvdifyError, Killed):  # an impossible request is refused; a killed pvdifyd does not answer
            await move()

    async def _restart(self) -> None:
        await self.daemon.processes.restart("shop", self.random.choice((None, "web", "worker")), ACTOR)

    async def _deploy(self) -> None:
        request = deploy_request(image=self.random.choice(IMAGES), strategy=self.random.choice(list(Strategy)))
        await self.daemon.requests.deploy("shop", request, ACTOR)

    async def _roll_back(self) -> None:
        await self.daemon.requests.rollback("shop", None, ACTOR)

    async def _scale(self) -> None:
        process = self.random.choice(("web", "worker"))
        number = self.random.randint(1, 3) if process == WEB else self.random.randint(0, 1)
        await self.daemon.processes.scale("shop", {process: RequestedCount(number=number)}, ACTOR)

    async def _stop_or_start(self) -> None:
        for is_stopped in (True, False):
            await self.daemon.processes.set_stopped("shop", ACTOR, is_stopped=is_stopped)
            await asyncio.sleep(self.random.uniform(0, 6))

    async def _maintain(self) -> None:
        for is_on in (True, False):
            await self.daemon.requests.set_maintenance("shop", ACTOR, is_on=is_on)
            await asyncio.sleep(self.random.uniform(0, 6))

    async def _destroy(self) -> None:
        await self.daemon.requests.destroy_app("shop", "shop", ACTOR)

    async def _change_domain(self) -> None:
        await self.daemon.domains.add("shop", "www.example.org", ACTOR)

    async def _crash_web(self) -> None:
        running = [name for name in self._running("web") if self._is_routed(name)]
        if running:
            self.machine.supervisor.crash(self.random.choice(sorted(running)))

    async def _crash_two(self) -> None:
        await self._crash_web()
        await asyncio.sleep(self.random.uniform(0, 6))
        await self._crash_web()

    async def _crash_and_restart(self) -> None:
        """As with systemd, which starts the instance again by itself."""
        running = self._of_one_process()
        if running:
            self.machine.supervisor.crash_and_restart(self.random.choice(running))

    async def _crash_worker(self) -> None:
        for name in self._running("worker"):
            self.machine.supervisor.crash(name)

    async def _lose(self) -> None:
        running = self._of_one_process()
        if running:
            self.machine.supervisor.lose(self.random.choice(running))

    async def _kill_daemon(self) -> None:
        """Kill pvdifyd; another one starts within seconds, and takes up what it finds."""
        if not self._reconciling.cancel():
            return  # the next one has not started yet
        self.is_dead = True
        await self.daemon.bury()
        await asyncio.sleep(self.random.uniform(0, 3))
        self.daemon = self.machine.daemon()
        await self.daemon.worker.resume()
        self._reconciling = asyncio.create_task(self._reconciler().run())
        self.is_dead = False

    async def _end_maintenance(self) -> None:
        """The request to end it may have met a pvdifyd that was killed."""
        app = await self.machine.store.app("shop")
        if app is not None and app.is_in_maintenance:
            await self.daemon.requests.set_maintenance("shop", ACTOR, is_on=False)
            await self._settle()

    def _of_one_process(self) -> list[str]:
        return sorted(self._running(self.random.choice(("web", "web", "worker"))))

    def _running(self, process: str) -> list[str]:
        supervisor = self.machine.supervisor
        return [name for name in supervisor.running if supervisor.spec(name).process == process]

    def _is_routed(self, name: str) -> bool:
        exposed = self.machine.supervisor.spec(name).exposed
        return exposed is not NO_ROUTE and exposed.at in self._targets()

    def _targets(self) -> tuple[Endpoint, ...]:
        route = self.machine.router._in_force.get("shop")
        return route.targets if route else ()

    async def _settle(self) -> None:
        while any(it.kind is not OperationKind.RETIRE for it in await self.machine.store.unsettled_operations()):
            await asyncio.sleep(1)

    # -- what must never be ------------------------------------------------------------------------------------------

    async def note_taken_away(self, name: str) -> None:
        """Record that the reconciler is removing this container."""
        store = self.machine.store._port  # type: ignore[attr-defined]
        operations = await store.unsettled_operations("shop")
        is_at_work = any(
            it.kind is not OperationKind.RETIRE and it.state is not OperationState.QUEUED for it in operations
        )
        for slot in await store.slots("shop"):
            for place in slot.placements:
                is_wanted = place.is_up or (place.phase is Phase.JOINING and is_at_work)
                if place.name == name and is_wanted and slot.state is not SlotState.STOPPED:
                    self.wrongs.append(f"the reconciler took {name} away, which is {place.phase.value}")

    async def _watch_visitors(self) -> None:
        """Visitors are not kept at instances that have been dead for long while another one of the slot is up.

        The time does not count in which no pvdifyd runs that could change the route.
        """
        bad_since: float | None = None
        clock = self.machine.clock
        while True:
            await asyncio.sleep(0.5)
            if self.is_dead or not await self._is_missed():
                bad_since = None
            elif bad_since is None:
                bad_since = clock.monotonic()
            elif clock.monotonic() - bad_since > TOO_LONG:
                self.wrongs.append(f"visitors reach only the dead {self._targets()} while another instance is up")
                return

    async def _is_missed(self) -> bool:
        supervisor = self.machine.supervisor
        targets = self._targets()
        if not targets or any(supervisor.behind(target) for target in targets):
            return False
        live = await self.machine.store._port.active_release("shop")  # type: ignore[attr-defined]
        if live is None or live.slot is None:
            return False
        slot = await self.machine.store._port.slot("shop", live.slot)  # type: ignore[attr-defined]
        return slot is not None and any(supervisor.behind(target) for target in slot.targets)

    async def _judge_the_end(self) -> None:
        machine = self.machine
        if await machine.store.app("shop") is None:
            if left := (*machine.supervisor.names, *await machine.router.routes()):
                self.wrongs.append(f"left over of an app that is gone: {left}")
            return
        if await machine.store.active_release("shop") is None:  # destroyed, and the next deploy failed
            if left := machine.supervisor.names:
                self.wrongs.append(f"left over of an app without a live release: {sorted(left)}")
            return
        try:
            await assert_consistent(machine)
        except AssertionError as error:
            self.wrongs.append(f"in the end: {str(error).splitlines()[:4]}")
        wanted = {it.name for slot in await self.machine.store.slots() for it in slot.placements}
        if left := self.machine.supervisor.names - wanted:
            self.wrongs.append(f"left over: {sorted(left)}")


@cache
def _deployed() -> Deployed:
    return Deployed(IMAGES, MANIFEST, standby="5s")


async def _end_all() -> None:
    rest: set[asyncio.Task[Any]] = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[operator]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
