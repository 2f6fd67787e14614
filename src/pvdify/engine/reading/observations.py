"""Visits from the access log, and the figures for metrics."""

import hmac
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pvdify.engine.running.statuses import AppStatuses
from pvdify.engine.world.runtime_queries import KnownInstances, RuntimeQueries
from pvdify.engine.world.tally import Tally
from pvdify.errors import RouterUnavailable, RuntimeUnavailable
from pvdify.model.app import App
from pvdify.model.capacity import Capacity, Usage
from pvdify.model.disk_use import DiskMeasurements, DiskUse
from pvdify.model.instance import FoundInstance, newest_of_each
from pvdify.model.job import JobRecord
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release
from pvdify.model.route import TargetCount, by_instance
from pvdify.model.status import Status
from pvdify.model.visit import Visit
from pvdify.ports.access_log import AccessLog
from pvdify.ports.clock import Clock
from pvdify.ports.host import Host
from pvdify.ports.instances import Instances
from pvdify.ports.outbox import Outbox
from pvdify.ports.router import Router
from pvdify.ports.store import Store

ROTATION_PAUSE = 60.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All figures at one moment. ``targets``, ``containers``: None if the router or the runtime does not answer.

    ``containers_at``: when the containers were listed, which is some time ago while the runtime hangs. ``usage``: by
    the process id of an instance's main process.
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
    """Reads the access log and collects figures. Changes nothing that visitors could notice."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, access_log: AccessLog, clock: Clock, disk_board: DiskMeasurements, host: Host, instances: Instances,
        outbox: Outbox, router: Router, runtime_queries: RuntimeQueries, store: Store, tally: Tally,
        statuses: AppStatuses,
    ) -> None:  # fmt: skip
        self._access_log, self._clock, self._disk_board, self._host = access_log, clock, disk_board, host
        self._instances, self._outbox, self._router, self._runtime_queries = instances, outbox, router, runtime_queries
        self._store, self._tally, self._statuses = store, tally, statuses

    async def is_from_router(self, key: str) -> bool:
        """Return whether the key of a request is the router's, so the router passed the request on. Never raises."""
        known = await self._router.api_key()
        return bool(known) and hmac.compare_digest(key.encode(), known.encode())

    async def visits(self, app: str | None, limit: int) -> tuple[Visit, ...]:
        """Return the last visits, oldest first, of one app or (None) of all apps. Never raises."""
        return await self._access_log.tail(limit, app=app)

    async def follow_visits(self, app: str | None) -> AsyncIterator[Visit | None]:
        """Yield each visit that ends from now on, and None after a while without visits."""
        async for visit in self._access_log.follow(app=app):
            yield visit

    async def figures(self) -> Figures:
        """Collect the current figures. Raises StoreUnavailable."""
        try:
            targets = by_instance(await self._router.counts())
        except RouterUnavailable:
            targets = None
        try:
            seen = await self._runtime_queries.instances(self._instances, self._clock)
        except RuntimeUnavailable:
            seen = KnownInstances(is_late=True)
        containers = newest_of_each(seen.instances) if seen.at is not None else None
        return Figures(
            apps=await self._store.apps(),
            statuses=await self._statuses.by_app(),
            live=await self._store.active_releases(),
            operations=await self._store.unsettled_operations(),
            targets=targets,
            containers=containers,
            containers_at=seen.at,
            has_runtime=not seen.is_late,
            usage=await self._host.usage({it.pid for it in containers or () if it.pid is not None}),
            previews=await self._store.previews(),
            pending_deliveries=await self._outbox.pending(),
            capacity=await self._host.capacity(),
            tally=self._tally,
            jobs=await self._store.job_records(),
            disk=self._disk_board.use,
        )

    def note_answer(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answer of the API. ``path``: the pattern in the route table."""
        self._tally.answered(method, path, status, seconds)

    async def keep_access_log_small(self) -> None:
        """Check every 60 s whether the access log must be rotated, until canceled."""
        while True:
            await self._access_log.rotate()
            await self._clock.sleep(ROTATION_PAUSE)
