"""Liveness probes: stops web instances that do not answer their health check any more.

Every 30 seconds each web instance of a live slot is probed as during its deploy, in one of six groups, so that the
probes of many instances are spread. After three failures in a row the instance is stopped; the reconciler then takes it
out of the route and restarts it with its back-off.
"""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

import structlog

from pvdify.engine.running.probing import Probes
from pvdify.engine.running.snapshot import is_settled
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import PvdifyError
from pvdify.manifest.definition import HealthCheck
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.names import WEB
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.operation import OperationKind
from pvdify.model.probe import ProbeResult, is_healthy
from pvdify.model.release import Release
from pvdify.model.slot import Placement, SlotState
from pvdify.ports.clock import Clock
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store

log = structlog.get_logger()
PAUSE = 30.0  # seconds between two probes of an instance
PARTS = 6  # of a round: instances are probed in this many groups, because a probe that shares its wakeup costs a third
FAILURES = 3  # in a row, after which an instance is stopped
AT_ONCE = 20  # concurrent probes


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """An instance to probe, and its release, which has the health check."""

    release: Release
    place: Placement


class Liveness:
    """Probes all live web instances in rounds, until canceled."""

    def __init__(
        self,
        *,
        clock: Clock,
        instances: Instances,
        locks: Locks,
        observed: ObservedInstances,
        store: Store,
        probes: Probes,
    ) -> None:
        self._clock, self._instances, self._locks, self._observed = clock, instances, locks, observed
        self._store, self._probes = store, probes
        self._failures: dict[str, int] = {}
        self._known: list[_Subject] = []
        self._seen_writes = -1
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Probe every instance once in ``PAUSE`` seconds, forever. Errors are logged."""
        try:
            while True:
                for part in range(PARTS):
                    await self._clock.sleep(PAUSE / PARTS)
                    await self._begin(part)
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def probe_all(self) -> None:
        """Probe every instance once, and wait for all answers. Errors are logged."""
        for part in range(PARTS):
            await self._begin(part)
        await asyncio.gather(*self._under_way.values())

    async def _begin(self, part: int) -> None:
        """Begin to probe the instances of this part of the round, except those whose last probe is still under way."""
        try:
            subjects = await self._current()
        except PvdifyError as error:
            log.warning("liveness.failed", code=error.code, what=error.what, why=error.why)
            return
        for subject in _of_part(subjects, part):
            name = subject.place.name
            if name not in self._under_way:
                self._under_way[name] = asyncio.create_task(self._ask_safely(subject))

    async def _current(self) -> list[_Subject]:
        """Return all subjects; they are read again only after a record was written. Raises StoreUnavailable."""
        writes = self._store.writes
        if writes != self._seen_writes:
            self._known = await self._subjects()
            self._failures = {it.place.name: self._failures.get(it.place.name, 0) for it in self._known}
            self._seen_writes = writes
        return self._known

    async def _subjects(self) -> list[_Subject]:
        """Return every web instance of a live slot, except of apps with an unfinished operation."""
        store = self._store
        busy = {it.app for it in await store.unsettled_operations() if it.kind is not OperationKind.RETIRE}
        live = {slot.app: slot for slot in await store.slots() if slot.state is SlotState.LIVE}
        return [
            _Subject(release=release, place=place)
            for release in await store.active_releases()
            if release.app in live and release.app not in busy
            for place in live[release.app].placements
            if place.process == WEB and place.is_up
        ]

    async def _ask_safely(self, subject: _Subject) -> None:
        try:
            async with self._slots:
                await self._ask(subject)
        except PvdifyError as error:
            log.warning("liveness.failed", code=error.code, what=error.what, why=error.why)
        finally:
            self._under_way.pop(subject.place.name, None)

    async def _ask(self, subject: _Subject) -> None:
        check, name = subject.release.manifest.healthcheck, subject.place.name
        result = await self._probes.ask(subject.release.app, check, subject.place)
        self._failures[name] = failures = 0 if is_healthy(check, result) else self._failures.get(name, 0) + 1
        if failures >= self._allowed(name, check):
            self._failures[name] = 0
            async with self._locks.instances(subject.release.app):
                if await self._is_still_kept(subject):
                    await self._stop(subject, result, failures)

    def _allowed(self, name: str, check: HealthCheck) -> int:
        """Return how many failures in a row stop the instance: more for a restarted one that has yet to boot."""
        observation = self._observed.of([name], self._clock.now()).get(name)
        if observation is None or observation.is_up:
            return FAILURES
        return max(FAILURES, math.ceil(check.seconds / PAUSE))

    async def _stop(self, subject: _Subject, result: ProbeResult, failures: int) -> None:
        release, place = subject.release, subject.place
        answer = f"answered {result.status}" if result.status is not None else f"gave no answer ({result.answer.value})"
        text = f"{place.process}.{place.number} {answer} to {failures} probes in a row, {PAUSE:g} s apart"
        await self._store.save(
            Event(
                at=self._clock.now(),
                actor="pvdify",
                action=Action.INSTANCE_UNHEALTHY,
                app=release.app,
                release=release.version,
                text=text,
            )
        )
        log.warning("instance.unhealthy", app=release.app, name=place.name, text=text)
        await self._instances.stop(place.name, release.manifest.stop_timeout)

    async def _is_still_kept(self, subject: _Subject) -> bool:
        """Whether this instance still serves, and no operation has begun since it was probed."""
        slot = await self._store.slot(subject.release.app, subject.release.slot or 0)
        is_live = slot is not None and slot.state is SlotState.LIVE and subject.place in slot.placements
        return is_live and await is_settled(self._store, subject.release.app)


def _of_part(subjects: Iterable[_Subject], part: int) -> Iterable[_Subject]:
    """Return the subjects of this part. An instance stays in its part for life, whatever else runs."""
    return (it for it in subjects if crc32(it.place.name.encode()) % PARTS == part)
