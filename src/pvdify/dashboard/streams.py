"""Ends event streams with their session, so that a stream does not outlive rights that were revoked, or with a turn."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import Response, StreamingResponse

from pvdify.web.answers import EventStream

CHECK_SECONDS = 15.0  # the interval of keep-alives, which trigger the check in a silent stream
SILENCE_SECONDS, TURN_SECONDS = 1.0, 3.0  # a turn ends after a silence of that length, at the latest after TURN_SECONDS


def ended_with_session(stream: EventStream, is_good: Callable[[], Awaitable[bool]]) -> EventStream:
    """End the stream when ``is_good`` returns False.

    ``is_good`` is called before a piece is sent, at most once per ``CHECK_SECONDS``.
    """
    stream.body_iterator = _while_good(stream.body_iterator, is_good)
    return stream


def one_turn(stream: EventStream) -> Response:
    """Return a response with what the stream has to say now. It takes no place of a stream."""
    return StreamingResponse(
        _until_silent(stream.body_iterator), stream.status_code, stream.headers, media_type=stream.media_type
    )


async def _until_silent(pieces: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    until = time.monotonic() + TURN_SECONDS
    async with aclosing(_closable(pieces)) as closable:
        pending = asyncio.ensure_future(anext(closable))
        try:
            while (left := until - time.monotonic()) > 0:
                done, _ = await asyncio.wait({pending}, timeout=min(left, SILENCE_SECONDS))
                if not done:
                    return
                yield pending.result()
                pending = asyncio.ensure_future(anext(closable))
        except StopAsyncIteration:
            return
        finally:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)  # a generator that runs cannot be closed


async def _while_good(pieces: AsyncIterable[Any], is_good: Callable[[], Awaitable[bool]]) -> AsyncGenerator[Any, None]:
    checked = time.monotonic()
    async with aclosing(_closable(pieces)) as closable:
        async for piece in closable:
            if time.monotonic() - checked >= CHECK_SECONDS:
                if not await is_good():
                    return
                checked = time.monotonic()
            yield piece


async def _closable(pieces: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
    try:
        async for piece in pieces:
            yield piece
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
