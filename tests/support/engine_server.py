"""A whole engine on a machine of fakes, behind the real API over real HTTP on loopback, in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import uvicorn

from pvdify.api.application import build_application
from pvdify.model.token import Actor, Role
from tests.fakes.clock import FakeClock
from tests.fakes.machine import Daemon, Machine

ADMIN = Actor(name="admin", role=Role.ADMIN)
STARTS_WITHIN = 60.0  # seconds
ResultT = TypeVar("ResultT")


class EngineServer:
    """Use as a context manager. ``do`` runs something in the engine's thread."""

    machine: Machine
    daemon: Daemon
    url: str
    token: str

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "EngineServer":
        self._thread.start()
        self.do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Wait for this to be carried out in the engine's thread; its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STARTS_WITHIN)

    async def _open(self) -> None:
        self.machine = Machine(FakeClock(start=datetime.now(UTC)), **self._settings)
        self.daemon = self.machine.daemon()
        _, self.token = await self.daemon.tokens.create("admin", Role.ADMIN, None, None, ADMIN)
        application = build_application(self.daemon.engine, is_local=False)
        config = uvicorn.Config(
            application,  # type: ignore[arg-type]
            host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
        self._serving = asyncio.create_task(self._server._serve())
        while not self._server.started:
            await asyncio.sleep(0.005)
        (listener,) = self._server.servers[0].sockets
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def _close(self) -> None:
        self._server.should_exit = True
        await self._serving
        await self.daemon.bury()
        pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
