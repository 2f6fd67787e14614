"""Ends event streams with their session, so that a stream does not outlive rights that were revoked."""

import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from pvdify.web.answers import EventStream

CHECK_SECONDS = 15.0  # the interval of keep-alives, which trigger the check in a silent stream


def ended_with_session(stream: EventStream, is_good: Callable[[], Awaitable[bool]]) -> EventStream:
    """End the stream when ``is_good`` returns False.

    ``is_good`` is called before a piece is sent, at most once per ``CHECK_SECONDS``.
    """
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
