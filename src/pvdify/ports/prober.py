"""Asking an instance whether it is ready."""

from typing import Protocol

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import ProbeResult


class Prober(Protocol):
    """Sends one HTTP request from the host and reports what came back. Never raises."""

    async def probe(
        self, at: Endpoint, path: str, *, timeout: float, hostname: str = "", scheme: str = ""
    ) -> ProbeResult:
        """GET ``path`` at this endpoint; redirects are not followed.

        ``timeout``: seconds for connecting and the answer together.

        ``hostname`` is sent as the Host header (default: the endpoint), ``scheme`` as X-Forwarded-Proto (default: no
        such header).
        """
        ...
