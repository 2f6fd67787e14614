"""Live parts of pages: fragments sent again when they have changed, rendered once for all who see the same."""

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.web.answers import ServerSentEvent, event_stream

LONGEST_WAIT = 30.0  # seconds until a session is looked at again


def stream(call: Call, name: str, render: Callable[[], Awaitable[str]]) -> Response:
    """Send a fragment whenever it is another one than the page, or the stream before it was cut, has shown."""
    seen = call.request.headers.get("last-event-id") or call.request.query_params.get("seen", "")
    return event_stream(_fragments(call, name, render, seen))


async def _fragments(
    call: Call, name: str, render: Callable[[], Awaitable[str]], seen: str
) -> AsyncIterator[ServerSentEvent]:
    pulse = call.shared.pulse
    number = pulse.number
    while True:
        shown = await pulse.shown((name, call.actor), render)
        if shown.digest != seen:
            seen = shown.digest
            yield ServerSentEvent(data=shown.text, id=seen)
        number = await pulse.wait(number, LONGEST_WAIT)
