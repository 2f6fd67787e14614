"""Closes connections whose TLS handshake was canceled; httpx2 leaves them open until they are garbage."""

from collections.abc import MutableMapping
from typing import Any, Protocol


class TracedRequest(Protocol):
    """A request of httpx2, as its hooks get it."""

    extensions: MutableMapping[str, Any]


async def close_canceled_handshake(request: TracedRequest) -> None:
    """Have the request close its connection if the handshake does not end: a hook for requests of an httpx2 client."""
    request.extensions["trace"] = _Handshake()


class _Handshake:
    """Gets the steps of a request, as httpx2's extension ``trace`` reports them."""

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, step: str, info: MutableMapping[str, Any]) -> None:
        _, _, name = step.partition(".")
        if name in ("connect_tcp.complete", "connect_unix_socket.complete"):
            self._stream = info["return_value"]
        elif name == "start_tls.failed" and self._stream is not None:
            await self._stream.aclose()
