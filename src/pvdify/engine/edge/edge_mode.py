"""Whether visitors reach instances through the router or directly from the edge."""

from pvdify.engine.world.urls import PublicUrls
from pvdify.settings import Settings


class EdgeMode:
    """Evaluates the setting ``edge_mode``, which applies only if an edge is connected."""

    def __init__(self, *, settings: Settings, urls: PublicUrls) -> None:
        self._settings, self._urls = settings, urls

    async def is_past_router(self) -> bool:
        """Whether the edge may send requests directly to an instance, so that the router does not count them.

        Raises StoreUnavailable.
        """
        return self._settings.edge_mode == "direct" and await self._urls.has_edge()
