"""What the eyes of the server see: visits that ended."""

from collections.abc import AsyncIterator

from pvdify.engine.world import World
from pvdify.model.visit import Visit

ROTATION_PAUSE = 60.0


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

    async def keep_access_log_small(self) -> None:
        """Rotate the access log whenever it has grown too large, forever."""
        while True:
            await self._world.access_log.rotate()
            await self._world.clock.sleep(ROTATION_PAUSE)
