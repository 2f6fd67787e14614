"""Answers: JSON, text, and server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

KEEP_ALIVE = 15.0


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    """One event of a stream; ``data`` may have several lines. No name is a plain message."""

    data: str
    name: str | None = None
    id: str | None = None

    def encode(self) -> bytes:
        """As the WHATWG HTML standard's event stream format wants it."""
        lines = [f"event: {self.name}"] if self.name else []
        lines += [f"id: {self.id}"] if self.id is not None else []
        lines += [f"data: {line}" for line in self.data.split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


def json_answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A wire value as JSON."""
    return Response(to_json(content), status, headers, "application/json")


def text_answer(content: str) -> Response:
    """Plain text."""
    return Response(content, media_type="text/plain; charset=utf-8")


def event_stream(events: AsyncIterator[ServerSentEvent]) -> Response:
    """A stream of events that nothing on its way should hold back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_encode(events), headers=headers, media_type="text/event-stream")


async def _encode(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[bytes]:
    """The events, and a comment now and then so that nobody on the way takes the silence for the end."""
    yield b": stream\n\n"
    pending = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({pending}, timeout=KEEP_ALIVE)
            if not done:
                yield b": keep-alive\n\n"
                continue
            yield pending.result().encode()
            pending = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    finally:
        pending.cancel()
