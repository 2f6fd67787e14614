"""Queries for the processes of an app: desired instances and the containers that were found."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pvdify.engine.reading.in_use import InUse, end_of, key_of, last_ends, measure
from pvdify.engine.reading.views import AppView, Views
from pvdify.engine.running.specs import limits_of
from pvdify.engine.world.runtime_queries import KnownInstances, RuntimeQueries
from pvdify.manifest.definition import Command
from pvdify.model.instance import FoundInstance, InstanceState, Limits, newest_of_each
from pvdify.model.names import WEB
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.model.status import Status
from pvdify.ports.clock import Clock
from pvdify.ports.inspector import Inspector
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store


@dataclass(frozen=True, kw_only=True)
class PlacedInstance:
    """An instance with its placement and the container that was found.

    ``in_use``: None unless the instance runs. ``last_end``: how it ended before its last restart, or "". ``problem``:
    why it cannot be started, or "".
    """

    place: Placement
    slot: Slot
    container: FoundInstance | None
    limits: Limits | None = None
    in_use: InUse | None = None
    last_end: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessView:
    """A process type with its instances. ``count``: desired instances; ``declared``: instances in the manifest."""

    name: str
    command: Command | None
    count: int
    declared: int
    instances: tuple[PlacedInstance, ...]
    affinity: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProcessesView:
    """The process types of an app, and the app's status."""

    status: Status
    processes: tuple[ProcessView, ...]


class ProcessQueries:
    """Answers questions about processes. A method that names an app raises AppNotFound and StoreUnavailable."""

    def __init__(
        self, *, clock: Clock, inspector: Inspector, instances: Instances, runtime_queries: RuntimeQueries,
        observed: ObservedInstances, store: Store, views: Views,
    ) -> None:  # fmt: skip
        self._clock, self._inspector, self._instances = clock, inspector, instances
        self._runtime_queries, self._observed, self._store, self._views = runtime_queries, observed, store, views

    async def show(self, app: str) -> ProcessesView:
        """Return the process types of the live release with all instances, including those on standby."""
        view = await self._views.app(app)
        names = [place.name for slot in await self._store.slots(app) for place in slot.placements]
        seen, in_use = await asyncio.gather(
            self._runtime_queries.instances(self._instances, self._clock, app),
            measure(self._inspector, self._clock, names),
        )
        return await self._view(view, seen, in_use)

    async def known(self, app: str, in_use: Mapping[str, InUse]) -> tuple[ProcessesView, datetime | None]:
        """Return the processes as they were last seen, and when that was. Waits only for the store.

        ``in_use``: the last measured use of instances, by name.
        """
        seen = self._runtime_queries.known
        mine = tuple(it for it in seen.instances if it.app == app)
        return await self._view(await self._views.app(app), replace(seen, instances=mine), in_use), seen.at

    async def _view(self, view: AppView, seen: KnownInstances, in_use: Mapping[str, InUse]) -> ProcessesView:
        app = view.app.name
        containers = {item.name: item for item in seen.instances}
        shown = [
            (slot, place)
            for slot in await self._store.slots(app)
            for place in slot.placements
            if slot.state is SlotState.LIVE or place.process == WEB or place.name in containers
        ]
        ends, limits = await last_ends(self._store, app), await self._limits(app, [slot for slot, _ in shown])
        observed = self._observed.of([place.name for _, place in shown], self._clock.now())
        placed = [
            PlacedInstance(
                place=place,
                slot=slot,
                container=containers.get(place.name),
                limits=limits.get((slot.number, place.process)),
                in_use=in_use.get(place.name),
                last_end=end_of(observed.get(place.name)) or ends.get(key_of(slot, place), ""),
                problem=observed[place.name].problem if place.name in observed else "",
            )
            for slot, place in shown
        ]
        return ProcessesView(status=view.status, processes=_processes(view, placed))

    async def _limits(self, app: str, slots: Iterable[Slot]) -> dict[tuple[int, str], Limits]:
        """Return the limits of instances by slot and process type, from the release that started them."""
        releases = [await self._store.release(app, number) for number in {slot.number for slot in slots}]
        return {
            (release.version, process): limits_of(release.manifest, process)
            for release in releases
            if release is not None
            for process in release.manifest.processes
        }

    def running(self) -> Mapping[tuple[str, int], int]:
        """Return the number of running instances by app and slot, as last seen. The runtime is not asked."""
        found = newest_of_each(self._runtime_queries.known.instances)
        return Counter((it.app, it.slot) for it in found if it.state is InstanceState.RUNNING)


def _processes(view: AppView, placed: Sequence[PlacedInstance]) -> tuple[ProcessView, ...]:
    """Return the declared process types, and then those that only have instances."""
    declared = view.live.manifest.processes if view.live else {}
    counts = view.scale.counts(view.live.manifest) if view.live else {}
    names = dict.fromkeys([*declared, *(item.place.process for item in placed)])
    return tuple(
        ProcessView(
            name=name,
            command=declared[name].command if name in declared else None,
            count=counts.get(name, 0),
            declared=declared[name].count if name in declared else 0,
            instances=tuple(item for item in placed if item.place.process == name),
            affinity=declared[name].affinity if name in declared else None,
        )
        for name in names
    )
