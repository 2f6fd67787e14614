"""Reserve a caller's places (see ``engine.access.places``) until its response has been sent."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pvdify.engine.access.places import Places
from pvdify.model.token import Actor
from pvdify.web.answers import EventStream

MOST_STREAMS = 512


async def answered(
    answer: Callable[[], Awaitable[Response]], places: Places, actor: Actor, app: str | None
) -> Response:  # fmt: skip
    """Return the response; the caller occupies one place until it is sent, and a stream occupies a second one.

    Raises TooManyRequests.
    """
    with ExitStack() as held:
        held.callback(places.request(actor))
        response = await answer()
        if isinstance(response, EventStream):
            held.callback(places.stream(actor, app))
        return Holding(response, held.pop_all())


class Holding(Response):
    """A response that releases its places when it has been sent completely."""

    def __init__(self, response: Response, places: ExitStack) -> None:
        self._response, self._places = response, places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        with self._places:
            await self._response(scope, receive, send)
