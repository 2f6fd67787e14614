"""Middleware for every application: request ids, and the time until each response begins."""

import re
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvdify import __version__
from pvdify.engine.reading.observations import Observations

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")  # the same pattern as the router's
_VERSION = (b"x-pvdify-version", __version__.encode("ascii"))


def observed(application: ASGIApp, observations: Observations) -> ASGIApp:
    """Wrap the application: add request ids, and count its requests in the server's own metrics."""
    return RequestId(Timed(application, observations))


class Timed:
    """Counts requests and the time until their response begins, by the path in the route table.

    An application puts that path into ``request.state.route``; without it the request counts as ``other``.
    """

    def __init__(self, application: ASGIApp, observations: Observations) -> None:
        self._application, self._observations = application, observations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        begun = time.monotonic()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope.get("state", {}).get("route", "other")
                seconds = time.monotonic() - begun
                self._observations.note_answer(scope["method"], path, message["status"], seconds)
            await send(message)

        await self._application(scope, receive, send_counted if scope["type"] == "http" else send)


class RequestId:
    """Gives every request an id (the caller's own, if it is a plain one), and returns that id and pvdify's version."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = ((b"x-request-id", request_id.encode("latin-1")), _VERSION)
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        await self._application(scope, receive, send_with_id)
