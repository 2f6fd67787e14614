"""Watches of running instances, which react at once to an exit, and to the first answer after a restart."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from pvdify.engine.running.probing import Probes
from pvdify.engine.running.routes import RouteRepair
from pvdify.engine.world.down import DownTargets
from pvdify.errors import PvdifyError
from pvdify.model.names import WEB
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.probe import is_healthy
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.ports.clock import Clock
from pvdify.ports.instances import Instances
from pvdify.ports.router import Router
from pvdify.ports.store import Store
from pvdify.timing import first_of

log = structlog.get_logger()
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds between two probes of an instance that was down
RETURN_WITHIN = 60.0  # seconds of probing; a later return is found by the reconciler's pass
KNOWN_WITHIN = 5.0  # seconds until a pass is due although it is not known how an instance ended
PAUSE = 2.0  # seconds until an instance that an operation has started is watched, at most


class Watches:
    """Takes instances out of the route when they exit, and puts them back when they answer their health check.

    Args:
        routes: puts routes.
        wake: set when the exit of an instance is known, so that the reconciler can restart the instance.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, down: DownTargets, instances: Instances, router: Router, observed: ObservedInstances,
        store: Store, probes: Probes, routes: RouteRepair, wake: asyncio.Event,
    ) -> None:  # fmt: skip
        self._clock, self._down, self._instances, self._router = clock, down, instances, router
        self._observed, self._store, self._probes = observed, store, probes
        self._routes = routes
        self._wake = wake
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._returning: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()  # wait for the exit of instances that are down

    def close(self) -> None:
        """Cancel all watches."""
        for task in (*self._watched.values(), *self._returning.values(), *self._ending):
            task.cancel()

    async def watch_all(self) -> None:
        """Watch every running instance that the reconciler keeps up. Raises StoreUnavailable, RuntimeUnavailable."""
        for slot in await self._store.slots():
            for place in slot.placements if slot.state.is_kept_up else ():
                is_kept = place.is_up and (place.process == WEB or slot.state is SlotState.LIVE)
                if is_kept and place.name not in self._watched and await self._instances.is_running(place.name):
                    self.watch(slot, place)

    def watch(self, slot: Slot, place: Placement) -> None:
        """Watch this instance until it exits, unless it is watched already."""
        if place.name not in self._watched:
            self._watched[place.name] = asyncio.create_task(self._until_down(slot, place))

    def forget(self, name: str) -> None:
        """Cancel the watch of this instance."""
        for tasks in (self._watched, self._returning):
            task = tasks.pop(name, None)
            if task:
                task.cancel()

    def expect_back(self, slot: Slot, place: Placement) -> None:
        """Probe this instance, which is down, and put it back into the route when it answers."""
        if place.has_route and place.name not in self._returning:
            self._returning[place.name] = asyncio.create_task(self._until_back(slot, place))

    async def put_back(self, slot: Slot, place: Placement) -> None:
        """Put an instance that was down back into the route, if it answers its health check.

        Raises RouterUnavailable, StoreUnavailable.
        """
        if not self._down.has(place) or not place.has_route:
            return
        release = await self._store.release(slot.app, slot.number)
        if release is None:
            return
        check = release.manifest.healthcheck
        answer = await self._probes.ask(slot.app, check, place)
        if is_healthy(check, answer):
            self.watch(slot, place)
            self._down.discard(place)
            self._observed.seen_up(place.name, self._clock.now())
            await self._routes.put_routes(slot.app)

    async def _until_down(self, slot: Slot, place: Placement) -> None:
        """Wait until the instance is down, take it out of the route, and only then wait for its exit status."""
        try:
            await self._instances.wait_down(place.name)
            self._down.add(place)
            self._observed.seen_down(place.name, self._clock.now())
            if place.has_route:
                await self._router.take_out(slot.app, slot.number, place.serial)
        except PvdifyError as error:
            log.debug("watch.failed", name=place.name, what=error.what)
        finally:
            self._watched.pop(place.name, None)
        self._start_ending(self._wake_when_known(place.name))
        self.expect_back(slot, place)

    def _start_ending(self, work: Coroutine[Any, Any, None]) -> None:
        ending = asyncio.create_task(work)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _wake_when_known(self, name: str) -> None:
        """Wake the reconciler once the exit of the instance is known, so that it can restart the instance.

        If the supervisor has restarted the instance meanwhile, ``wait`` waits for its next exit: wake the reconciler
        without an answer then.
        """
        try:
            await first_of(self._instances.wait(name), self._clock.sleep(KNOWN_WITHIN))
        except PvdifyError as error:
            log.debug("watch.failed", name=name, what=error.what)
        self._wake.set()

    async def _until_back(self, slot: Slot, place: Placement) -> None:
        clock, pause = self._clock, FIRST_PAUSE
        deadline = clock.monotonic() + RETURN_WITHIN
        try:
            while clock.monotonic() < deadline and self._down.has(place):
                await clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                if await self._instances.is_running(place.name):
                    await self.put_back(slot, place)
        except PvdifyError as error:
            log.debug("watch.failed", name=place.name, what=error.what)
        finally:
            self._returning.pop(place.name, None)
