"""Streams of page fragments. A changed fragment is sent again; readers of the same apps share the rendering."""

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.pulse import Shown
from pvdify.web.answers import ServerSentEvent, event_stream

LONGEST_WAIT = 30.0  # seconds until the fragment is compared again without a change


def stream(call: Call, name: object, render: Callable[[], Awaitable[str]]) -> Response:
    """Send a fragment whenever it differs from the last one that the browser received, by the page or a stream.

    ``name``: equal for equal fragments of readers with the same apps.
    """
    seen = call.request.headers.get("last-event-id") or call.request.query_params.get("seen", "")
    return event_stream(_fragments(call, name, render, seen))


async def shared(call: Call, name: object, render: Callable[[], Awaitable[str]]) -> Shown:
    """Return the fragment as of now. Pages and streams of readers with the same apps share one rendering."""
    return await call.shared.pulse.shown((name, call.actor.app), render)


async def _fragments(
    call: Call, name: object, render: Callable[[], Awaitable[str]], seen: str
) -> AsyncIterator[ServerSentEvent]:
    pulse = call.shared.pulse
    number = pulse.number
    while True:
        shown = await shared(call, name, render)
        if shown.digest != seen:
            seen = shown.digest
            yield ServerSentEvent(data=shown.text, id=seen)
        if call.is_turn:
            return
        number = await pulse.wait(number, LONGEST_WAIT)
