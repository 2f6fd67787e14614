"""Asking an instance whether it is ready."""

from typing import Protocol

from pvdify.model.probe import ProbeResult


class Prober(Protocol):
    """Sends one HTTP request from the host and reports what came back. Never raises."""

    async def probe(self, port: int, path: str, *, timeout: float, hostname: str = "") -> ProbeResult:
        """GET ``path`` at 127.0.0.1:``port``; redirects are not followed.

        ``timeout``: seconds for connecting and the answer together.

        ``hostname`` is sent as the Host header (default: the address).
        """
        ...
