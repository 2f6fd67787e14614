"""Streams of events end when the session does: rights that were taken away are not read for hours more."""

import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from pvdify.web.answers import EventStream

CHECK_SECONDS = 15.0  # as often as a silent stream is kept alive


def ended_with_session(stream: EventStream, is_good: Callable[[], Awaitable[bool]]) -> EventStream:
    """Have a stream end when ``is_good`` says no, which is asked every ``CHECK_SECONDS``."""
    stream.body_iterator = _while_good(stream.body_iterator, is_good)
    return stream


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
