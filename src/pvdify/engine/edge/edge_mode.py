"""Which way visitors come, as far as a deploy has to know."""

from pvdify.engine.world.urls import PublicUrls
from pvdify.settings import Settings


class EdgeMode:
    """The setting ``edge_mode``, which matters where an edge is connected."""

    def __init__(self, *, settings: Settings, urls: PublicUrls) -> None:
        self._settings, self._urls = settings, urls

    async def is_past_router(self) -> bool:
        """Whether visitors may come straight to an instance, so that the router sees and counts none of them.

        Raises StoreUnavailable.
        """
        return self._settings.edge_mode == "direct" and await self._urls.has_edge()
