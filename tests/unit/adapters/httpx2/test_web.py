"""Answers from the internet: bounded in size, whatever the server sends."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pvdify.adapters.httpx2 import tls
from pvdify.adapters.httpx2.public import HttpxPublicWeb
from pvdify.adapters.httpx2.web import LARGEST_ANSWER, HttpxWeb
from pvdify.plumbing.web import WebRequest


@asynccontextmanager
async def answering(head: bytes, content: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """The address of a server on loopback that answers every request so, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n" + content)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", asked


async def test_a_compressed_answer_that_was_not_requested_is_not_decompressed():
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    web = HttpxWeb()

    async with answering(b"Content-Encoding: gzip\r\n", bomb) as (url, asked):
        answer = await web.ask(WebRequest(method="GET", url=url))
    await web.close()

    assert answer.content == bomb
    assert b"accept-encoding: identity" in asked[0].lower()


async def test_a_long_answer_is_cut():
    web = HttpxWeb()

    async with answering(b"", bytes(LARGEST_ANSWER + 100_000)) as (url, _):
        answer = await web.ask(WebRequest(method="GET", url=url))
    await web.close()

    assert len(answer.content) == LARGEST_ANSWER


async def test_the_trusted_certificates_are_read_once_for_all_clients():
    tls.trusted.cache_clear()
    web, public = HttpxWeb(), HttpxPublicWeb()

    async with answering(b"", b"yes") as (url, _):
        await web.ask(WebRequest(method="GET", url=url))
        found = [await public.get(url, 60.0) for _ in range(2)]
    await web.close()

    assert [answer.content for answer in found] == [b"yes", b"yes"]
    assert tls.trusted.cache_info().misses == 1
