"""Wires the room of hostnames and the edge."""

from dataclasses import dataclass

from pvdify.engine.edge.domains import Domains
from pvdify.engine.edge.edge import EdgeKeeper
from pvdify.engine.edge.edge_mode import EdgeMode
from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.running.routes import RouteRepair
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World
from pvdify.engine.world.urls import PublicUrls


@dataclass(frozen=True, kw_only=True)
class EdgeParts:
    """The parts of this room."""

    claims: HostnameClaims
    domains: Domains
    keeper: EdgeKeeper
    mode: EdgeMode


def wire_edge(world: World, outside: Outside, routes: RouteRepair, urls: PublicUrls) -> EdgeParts:
    """Make the parts of this room."""
    clock, settings, store = world.clock, world.settings, world.store
    claims = HostnameClaims(
        clock=clock, former_names=world.former_names, router=world.router, settings=settings, store=store
    )
    return EdgeParts(
        claims=claims,
        domains=Domains(
            clock=clock, locks=world.locks, settings=settings, store=store, claims=claims, put_routes=routes.put_routes
        ),
        keeper=EdgeKeeper(
            clock=clock, credentials=world.credentials, edge_board=world.edge_board, router=world.router,
            settings=settings, store=store, edge=outside.edge, process=outside.tunnel_process, chance=outside.chance,
        ),
        mode=EdgeMode(settings=settings, urls=urls),
    )  # fmt: skip
