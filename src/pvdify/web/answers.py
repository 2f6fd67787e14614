"""Responses: JSON, text, and server-sent events."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

KEEP_ALIVE = 15.0
_LINE_END = re.compile("\r\n|\r|\n")  # each ends a line of an event stream


@dataclass(frozen=True, kw_only=True)
class ServerSentEvent:
    """One event of a stream; ``data`` may have several lines. Without a name, the event is a plain message."""

    data: str
    name: str | None = None
    id: str | None = None

    def encode(self) -> bytes:
        """Return the event in the event stream format of the WHATWG HTML standard."""
        lines = [f"event: {self.name}"] if self.name else []
        lines += [f"id: {self.id}"] if self.id is not None else []
        lines += [f"data: {line}" for line in _LINE_END.split(self.data)]
        return ("\n".join(lines) + "\n\n").encode()


def json_answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with a wire value as JSON."""
    return encoded_answer(to_json(content), status, headers)


def encoded_answer(json: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with JSON that is encoded already."""
    return Response(json, status, headers, "application/json")


def text_answer(content: str) -> Response:
    """Return a plain-text response."""
    return Response(content, media_type="text/plain; charset=utf-8")


def streamed_answer(pieces: AsyncGenerator[bytes, None], *, is_json: bool) -> Response:
    """Return a streamed response, for JSON or plain text that is too large for memory."""
    return StreamingResponse(pieces, media_type="application/json" if is_json else "text/plain; charset=utf-8")


class EventStream(StreamingResponse):
    """A response that continues until the server or the client ends it."""

    media_type = "text/event-stream"


def event_stream(events: AsyncIterator[ServerSentEvent]) -> Response:
    """Return a stream of events, with headers that stop proxies from storing or buffering it."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_encode(events), headers=headers)


async def _encode(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[bytes]:
    """Yield the encoded events, and a comment after KEEP_ALIVE seconds of silence, so that proxies keep it open."""
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
