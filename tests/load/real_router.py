"""A real router for a test: on a free port, in a directory with a short path, gone afterwards."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from pvdify.adapters.haproxy import commands, process
from pvdify.adapters.haproxy.config import Front
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.adapters.haproxy.router import HaproxyRouter
from pvdify.settings import Address
from tools.free_port import free_port


class RealClock:
    """Time as it passes."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RouterProcess:
    """The directory and address of one router, for any number of adapters."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "router"
        self.run_dir = directory / "run"
        self.listen = Address(host="127.0.0.1", port=free_port())

    def connect(
        self, *, listen: Address | None = None, binary: str = "", front: Front | None = None,
        control_plane: ControlPlane | None = None,
    ) -> HaproxyRouter:  # fmt: skip
        """An adapter, like the one of a daemon that has just started."""
        return HaproxyRouter(
            directory=self.directory,
            run_dir=self.run_dir,
            listen=listen or self.listen,
            binary=binary or os.environ.get("PVDIFY_TEST_HAPROXY", ""),
            clock=RealClock(),
            front=(lambda: front) if front else Front,
            control_plane=control_plane,
        )

    def pids(self) -> tuple[int, ...]:
        """Its processes; more than one while an old one finishes."""
        return process.find(commands.identity(self.directory))

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
            await process.wait_died(pid, RealClock())


@asynccontextmanager
async def real_router() -> AsyncIterator[RouterProcess]:
    """A place for a router; nothing is started yet, and everything is killed at the end."""
    with tempfile.TemporaryDirectory(prefix="pvdify-") as directory:
        router = RouterProcess(Path(directory))
        try:
            yield router
        finally:
            await router.kill()
