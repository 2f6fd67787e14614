"""Middleware for every application: request ids, and the time until each response begins."""

import os
import re
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvdify import __version__
from pvdify.engine.reading.observations import Observations

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")  # the same pattern as the router's
_VERSION = (b"x-pvdify-version", __version__.encode("ascii"))


class Observed:
    """Gives every request an id, returns it with pvdify's version, and counts the request in the server's metrics.

    The id is the caller's own, if it is a plain one. A request is counted by its path in the route table, which the
    application puts into ``request.state.route``; without it the request counts as ``other``.
    """

    def __init__(self, application: ASGIApp, observations: Observations) -> None:
        self._application, self._observations = application, observations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        begun = time.monotonic()
        request_id = _request_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope["state"].get("route", "other")
                seconds = time.monotonic() - begun
                self._observations.note_answer(scope["method"], path, message["status"], seconds)
                own = ((b"x-request-id", request_id.encode("latin-1")), _VERSION)
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        await self._application(scope, receive, send_observed)


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the last X-Request-Id if it is a plain one, else a new id."""
    given = ""
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
    return given if given and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()
