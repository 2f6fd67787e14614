"""Which URLs visitors can open: decided here for the API, hooks, instances, events and notifications."""

import ipaddress

from pvdify.engine.world import World
from pvdify.model.urls import Urls
from pvdify.settings import Settings

EDGE_KEYS = "edge"  # the name of the edge's keys in ``credentials``
TLS_PORT = 443


async def urls_of(world: World) -> Urls:
    """Return how URLs of this server look now. Raises StoreUnavailable.

    Without a setting it follows the facts. An edge, or something else with TLS in front, takes https on the usual port.
    Otherwise visitors open the router itself, by plain http at its port.
    """
    settings = world.settings
    if settings.app_urls != "auto":
        scheme, _, port = settings.app_urls.partition(":")
        return Urls(base_domain=settings.base_domain, scheme=scheme, port=int(port) if port else None)
    if await has_edge(world) or (not settings.is_local and await _has_tls_in_front(world)):
        return Urls(base_domain=settings.base_domain)
    return Urls(base_domain=settings.base_domain, scheme="http", port=settings.router_listen.port)


async def has_edge(world: World) -> bool:
    """Whether an edge is connected. Raises StoreUnavailable."""
    return await world.credentials.read(EDGE_KEYS) is not None


async def _has_tls_in_front(world: World) -> bool:
    """Whether a proxy on another machine is trusted, or another program than the router listens on port 443 here."""
    settings = world.settings
    if _trusts_another_machine(settings):
        return True
    return settings.router_listen.port != TLS_PORT and await world.host.has_listener(TLS_PORT)


def _trusts_another_machine(settings: Settings) -> bool:
    return any(not ipaddress.ip_network(network).is_loopback for network in settings.trusted_proxies)
