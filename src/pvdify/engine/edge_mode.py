"""Which way visitors come, as far as a deploy has to know."""

from pvdify.engine.world import World

EDGE_KEYS = "edge"  # the name of the edge's keys in ``credentials``


async def has_edge(world: World) -> bool:
    """Whether an edge leads visitors here. Raises StoreUnavailable."""
    return await world.credentials.read(EDGE_KEYS) is not None


async def is_past_router(world: World) -> bool:
    """Whether visitors may come straight to an instance, so that the router sees and counts none of them.

    Raises StoreUnavailable.
    """
    return world.settings.edge_mode == "direct" and await has_edge(world)
