"""What the eyes of the server see: visits that ended, and figures."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from pvdify.engine.tally import Tally
from pvdify.engine.world import World
from pvdify.errors import RouterUnavailable, RuntimeUnavailable
from pvdify.model.app import App
from pvdify.model.capacity import Capacity, Usage
from pvdify.model.instance import FoundInstance
from pvdify.model.operation import Operation
from pvdify.model.preview import Preview
from pvdify.model.release import Release
from pvdify.model.route import TargetCount
from pvdify.model.visit import Visit

ROTATION_PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that can be counted at one moment. ``targets``, ``containers``: None when they cannot be asked.

    ``usage``: by the main process of an instance."""

    apps: tuple[App, ...]
    live: tuple[Release, ...]
    operations: tuple[Operation, ...]
    targets: tuple[TargetCount, ...] | None
    containers: tuple[FoundInstance, ...] | None
    usage: Mapping[int, Usage]
    previews: tuple[Preview, ...]
    pending_deliveries: int
    capacity: Capacity
    tally: Tally


class Observations:
    """Reads what the router wrote down; nothing here changes anything that visitors could notice."""

    def __init__(self, world: World) -> None:
        self._world = world

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
            targets = await world.router.counts()
        except RouterUnavailable:
            targets = None
        try:
            containers = await world.supervisor.find()
        except RuntimeUnavailable:
            containers = None
        return Figures(
            apps=await world.store.apps(),
            live=await world.store.active_releases(),
            operations=await world.store.unsettled_operations(),
            targets=targets,
            containers=containers,
            usage=await world.host.usage({it.pid for it in containers or () if it.pid is not None}),
            previews=await world.store.previews(),
            pending_deliveries=await world.outbox.pending(),
            capacity=await world.host.capacity(),
            tally=world.tally,
        )

    def note_answer(self, method: str, path: str, status: int, seconds: float) -> None:
        """The API has answered a request; ``path`` is that of the route table."""
        self._world.tally.answered(method, path, status, seconds)

    async def keep_access_log_small(self) -> None:
        """Rotate the access log whenever it has grown too large, forever."""
        while True:
            await self._world.access_log.rotate()
            await self._world.clock.sleep(ROTATION_PAUSE)
