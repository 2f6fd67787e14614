"""What the eyes of the server see: visits that ended, and figures."""

import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pvdify.engine.running.statuses import statuses
from pvdify.engine.world import World
from pvdify.engine.world.sightings import Sighting
from pvdify.engine.world.tally import Tally
from pvdify.errors import RouterUnavailable, RuntimeUnavailable
from pvdify.model.app import App
from pvdify.model.capacity import Capacity, Usage
from pvdify.model.disk_use import DiskUse
from pvdify.model.instance import FoundInstance, newest_of_each
from pvdify.model.job import JobRecord
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release
from pvdify.model.route import TargetCount, by_instance
from pvdify.model.status import Status
from pvdify.model.visit import Visit

ROTATION_PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that can be counted at one moment. ``targets``, ``containers``: None when they cannot be asked.

    ``containers_at``: when they were seen, which is some time ago while the runtime hangs. ``usage``: by an instance's
    main process.
    """

    apps: tuple[App, ...]
    statuses: Mapping[str, Status]
    live: tuple[Release, ...]
    operations: tuple[Operation, ...]
    targets: tuple[TargetCount, ...] | None
    containers: tuple[FoundInstance, ...] | None
    containers_at: datetime | None
    has_runtime: bool
    usage: Mapping[int, Usage]
    previews: tuple[Preview, ...]
    pending_deliveries: int
    capacity: Capacity
    tally: Tally
    jobs: tuple[JobRecord, ...] = ()
    disk: Mapping[str, DiskUse] = field(default_factory=dict)


class Observations:
    """Reads what the router wrote down; nothing here changes anything that visitors could notice."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def is_from_router(self, key: str) -> bool:
        """Whether a request that brings this key was passed on by the router. Raises nothing."""
        known = await self._world.router.api_key()
        return bool(known) and hmac.compare_digest(key.encode(), known.encode())

    async def visits(self, app: str | None, limit: int) -> tuple[Visit, ...]:
        """The last visits, of one app if it is named, oldest first. Raises nothing."""
        return await self._world.access_log.tail(limit, app=app)

    async def follow_visits(self, app: str | None) -> AsyncIterator[Visit | None]:
        """Visits as they end, from now on; None when there has been nothing for a while."""
        async for visit in self._world.access_log.follow(app=app):
            yield visit

    async def figures(self) -> Figures:
        """Counts of now. Raises StoreUnavailable."""
        world = self._world
        try:
            targets = by_instance(await world.router.counts())
        except RouterUnavailable:
            targets = None
        try:
            seen = await world.sightings.instances(world.instances, world.clock)
        except RuntimeUnavailable:
            seen = Sighting(is_late=True)
        containers = newest_of_each(seen.instances) if seen.at is not None else None
        return Figures(
            apps=await world.store.apps(),
            statuses=await statuses(world),
            live=await world.store.active_releases(),
            operations=await world.store.unsettled_operations(),
            targets=targets,
            containers=containers,
            containers_at=seen.at,
            has_runtime=not seen.is_late,
            usage=await world.host.usage({it.pid for it in containers or () if it.pid is not None}),
            previews=await world.store.previews(),
            pending_deliveries=await world.outbox.pending(),
            capacity=await world.host.capacity(),
            tally=world.tally,
            jobs=await world.store.job_records(),
            disk=world.disk_board.use,
        )

    def note_answer(self, method: str, path: str, status: int, seconds: float) -> None:
        """The API has answered a request; ``path`` is that of the route table."""
        self._world.tally.answered(method, path, status, seconds)

    async def keep_access_log_small(self) -> None:
        """Rotate the access log whenever it has grown too large, forever."""
        while True:
            await self._world.access_log.rotate()
            await self._world.clock.sleep(ROTATION_PAUSE)
