"""The public URLs of apps, decided here for the API, hooks, instances, events and notifications."""

import ipaddress

from pvdify.engine.world.counted_credentials import CountedCredentials
from pvdify.model.urls import Urls
from pvdify.ports.clock import Clock
from pvdify.ports.host import Host
from pvdify.settings import Settings

EDGE_KEYS = "edge"  # the name of the edge's keys in ``credentials``
TLS_PORT = 443
KNOWN_FOR = 1.0  # seconds until a program that began to listen in front of the router is noticed


class PublicUrls:
    """Determines scheme and port of public URLs, by the setting ``app_urls`` or by what stands before the router."""

    def __init__(self, *, clock: Clock, credentials: CountedCredentials, host: Host, settings: Settings) -> None:
        self._clock, self._credentials, self._host, self._settings = clock, credentials, host, settings
        self._known: Urls | None = None
        self._known_at, self._changes = 0.0, -1

    async def now(self) -> Urls:
        """Return the current form of this server's URLs. Raises StoreUnavailable.

        Behind an edge or another program with TLS, URLs have https and the default port. Otherwise they have http and
        the router's port. An edge that pvdify connects counts at once, another program within ``KNOWN_FOR`` seconds.
        """
        at, changes = self._clock.monotonic(), self._credentials.changes
        if self._known is None or changes != self._changes or at - self._known_at >= KNOWN_FOR:
            self._known = await self._read()
            self._known_at, self._changes = at, changes
        return self._known

    async def _read(self) -> Urls:
        settings = self._settings
        if settings.app_urls != "auto":
            scheme, _, port = settings.app_urls.partition(":")
            return Urls(base_domain=settings.base_domain, scheme=scheme, port=int(port) if port else None)
        if await self.has_edge() or (not settings.is_local and await self._has_tls_in_front()):
            return Urls(base_domain=settings.base_domain)
        return Urls(base_domain=settings.base_domain, scheme="http", port=settings.router_listen.port)

    async def has_edge(self) -> bool:
        """Whether an edge is connected. Raises StoreUnavailable."""
        return await self._credentials.read(EDGE_KEYS) is not None

    async def _has_tls_in_front(self) -> bool:
        """Whether a proxy on another machine is trusted, or a program other than the router listens on port 443."""
        if _trusts_another_machine(self._settings):
            return True
        return self._settings.router_listen.port != TLS_PORT and await self._host.has_listener(TLS_PORT)


def _trusts_another_machine(settings: Settings) -> bool:
    return any(not ipaddress.ip_network(network).is_loopback for network in settings.trusted_proxies)
