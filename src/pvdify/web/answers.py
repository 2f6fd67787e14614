"""Answers: JSON, text, and server-sent events."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

KEEP_ALIVE = 15.0
_LINE_END = re.compile("\r\n|\r|\n")  # each ends a line for those who read a stream of events


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
        lines += [f"data: {line}" for line in _LINE_END.split(self.data)]
        return ("\n".join(lines) + "\n\n").encode()


def json_answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A wire value as JSON."""
    return Response(to_json(content), status, headers, "application/json")


def text_answer(content: str) -> Response:
    """Plain text."""
    return Response(content, media_type="text/plain; charset=utf-8")


def streamed_answer(pieces: AsyncGenerator[bytes, None], *, is_json: bool) -> Response:
    """JSON or plain text that is too large to have in memory."""
    return StreamingResponse(pieces, media_type="application/json" if is_json else "text/plain; charset=utf-8")


class EventStream(StreamingResponse):
    """An answer that goes on until one side ends it."""

    media_type = "text/event-stream"


def event_stream(events: AsyncIterator[ServerSentEvent]) -> Response:
    """A stream of events that nothing on its way should hold back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_encode(events), headers=headers)


async def _encode(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[bytes]:
    """The events, and a comment now and then so that no proxy takes the silence for the end."""
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
