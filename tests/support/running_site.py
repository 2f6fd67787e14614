"""The sample server on a thread of its own, for browsers and other programs that need real HTTP."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvicorn

from pvdify.daemon.serving import build_listener
from pvdify.engine.access.places import Places
from pvdify.model.token import Actor
from tests.fakes.sample_server import ADMIN, SampleServer, config, fill

T = TypeVar("T")
PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class RunningSite:
    """A sample server that answers at ``origin``; ``call`` runs something on its event loop."""

    server: SampleServer
    origin: str
    loop: asyncio.AbstractEventLoop

    def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine of the server's, and wait for it."""

        async def run() -> T:
            return await make()

        future: Future[T] = asyncio.run_coroutine_threadsafe(run(), self.loop)
        return future.result(PATIENCE)

    def link(self, actor: Actor = ADMIN) -> str:
        """A link that signs a browser in."""

        async def make() -> str:
            return self.server.sign_in_link(self.origin, actor)

        return self.call(make)


@contextmanager
def running_site(prepare: Callable[[SampleServer], Awaitable[None]] = fill) -> Iterator[RunningSite]:
    """Serve until the block ends. ``prepare``: makes the apps."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ready: Future[tuple[SampleServer, asyncio.AbstractEventLoop, uvicorn.Server]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(port, prepare, ready)), daemon=True)
    thread.start()
    server, loop, http = ready.result(PATIENCE)
    try:
        yield RunningSite(server=server, origin=f"http://127.0.0.1:{port}", loop=loop)
    finally:
        http.should_exit = True
        thread.join(PATIENCE)


async def _serve(port: int, prepare: Callable[[SampleServer], Awaitable[None]], ready: "Future[Any]") -> None:
    server = SampleServer()
    http = uvicorn.Server(config(build_listener(server.engine, Places(512)), "127.0.0.1", port))
    http.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    try:
        await server.open()
        await prepare(server)
        serving = asyncio.create_task(http.serve())
        while not http.started and not serving.done():
            await asyncio.sleep(0.01)
        ready.set_result((server, asyncio.get_running_loop(), http))
        await serving
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
        raise
    finally:
        await server.close()
