"""Batching of items that arrive at nearly the same time, so that a stream sends and a browser draws once per batch."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")
GATHERED_SECONDS = 0.1
MOST_AT_ONCE = 200


async def batched(items: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    """Yield lists of the items that arrive within ``GATHERED_SECONDS`` of the first, at most ``MOST_AT_ONCE``."""
    pending = asyncio.ensure_future(anext(items))
    try:
        while True:
            batch = [await pending]
            pending = asyncio.ensure_future(anext(items))
            loop = asyncio.get_running_loop()
            until = loop.time() + GATHERED_SECONDS
            while len(batch) < MOST_AT_ONCE and (left := until - loop.time()) > 0:
                done, _ = await asyncio.wait({pending}, timeout=left)
                if not done or isinstance(pending.exception(), StopAsyncIteration):
                    break
                batch.append(pending.result())
                pending = asyncio.ensure_future(anext(items))
            yield batch
    except StopAsyncIteration:
        return
    finally:
        pending.cancel()
