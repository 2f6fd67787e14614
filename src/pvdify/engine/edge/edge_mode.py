"""Which way visitors come, as far as a deploy has to know."""

from pvdify.engine.world import World
from pvdify.engine.world.urls import has_edge


async def is_past_router(world: World) -> bool:
    """Whether visitors may come straight to an instance, so that the router sees and counts none of them.

    Raises StoreUnavailable.
    """
    return world.settings.edge_mode == "direct" and await has_edge(world)
