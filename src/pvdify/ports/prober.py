"""Probes: HTTP requests that check whether an instance is ready."""

from typing import Protocol

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import ProbeResult


class Prober(Protocol):
    """A client that sends one HTTP request from the host and reports the answer. Never raises."""

    async def probe(
        self, at: Endpoint, path: str, *, timeout: float, hostname: str = "", scheme: str = ""
    ) -> ProbeResult:
        """Send a GET request for ``path`` to this endpoint, without following redirects.

        Args:
            timeout: seconds for the connection and the answer together.
            hostname: the Host header; default: the endpoint.
            scheme: the X-Forwarded-Proto header; default: no such header.
        """
        ...
