"""Connections to servers that accept, and then say nothing in the TLS handshake."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.httpx2.public import HttpxPublicWeb
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.adapters.kubernetes.cluster import Cluster
from pvdify.plumbing.web import WebRequest


async def ask_a_service(url: str, _: Path) -> object:
    return await HttpxWeb().ask(WebRequest(method="GET", url=url, timeout=1000))


async def ask_as_a_visitor(url: str, _: Path) -> object:
    return await HttpxPublicWeb().get(url, 1000)


async def ask_the_api_server(url: str, directory: Path) -> object:
    config = {
        "clusters": [{"name": "here", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "anyone"}}],
        "users": [{"name": "anyone", "user": {}}], "current-context": "here",
    }  # fmt: skip
    (directory / "config").write_text(json.dumps(config))
    return await Cluster(kubeconfig=str(directory / "config"), clock=SystemClock()).get("/version")


@pytest.mark.parametrize("ask", [ask_a_service, ask_as_a_visitor, ask_the_api_server])
async def test_a_canceled_handshake_closes_its_connection(
    ask: Callable[[str, Path], Awaitable[object]], tmp_path: Path
):
    is_greeted, is_closed = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            is_greeted.set()
        is_closed.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        asking = asyncio.ensure_future(ask(f"https://127.0.0.1:{port}", tmp_path))
        await asyncio.wait_for(is_greeted.wait(), 60)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking

        await asyncio.wait_for(is_closed.wait(), 60)


async def test_a_canceled_handshake_behind_a_proxy_closes_its_connection(monkeypatch: pytest.MonkeyPatch):
    is_greeted, is_closed = asyncio.Event(), asyncio.Event()

    async def connect_and_say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while await reader.read(4096):
            is_greeted.set()
        is_closed.set()
        writer.close()

    async with await asyncio.start_server(connect_and_say_nothing, "127.0.0.1", 0) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        asking = asyncio.ensure_future(HttpxWeb().ask(WebRequest(method="GET", url="https://a.test", timeout=1000)))
        await asyncio.wait_for(is_greeted.wait(), 60)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking

        await asyncio.wait_for(is_closed.wait(), 60)
