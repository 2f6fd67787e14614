"""The two listeners: TCP for tokens, a unix socket for root. Each has its own limit of connections."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from pvdify.api.application import METRICS_PATHS, build_application
from pvdify.api.routes import PREFIX
from pvdify.daemon.accepting import Acceptor
from pvdify.daemon.connections import ConnectionTimeouts, LimitedConnection
from pvdify.daemon.descriptors import Bounds
from pvdify.dashboard.application import build_application as build_dashboard
from pvdify.engine.access.places import Places
from pvdify.engine.front_door import Engine
from pvdify.errors import InvalidSetting
from pvdify.settings import Address, Settings
from pvdify.web.by_path import ByPath

_BACKLOG = 2048
GRACE = 3  # seconds for unfinished responses when pvdifyd stops


class Listeners:
    """Both listeners. Binds at construction, so that a port in use is an error at start."""

    def __init__(self, settings: Settings, engine: Engine, bounds: Bounds) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # lower levels log a line for each malformed request
        self._sockets = (_tcp_socket(settings.listen), _unix_socket(settings.socket_path))
        for listener in self._sockets:
            listener.listen(_BACKLOG)  # the kernel queues connections until ``serve`` runs
        tcp, local = self._sockets
        self._servers = (
            Server(
                build_listener(engine, Places(bounds.streams)),
                tcp,
                most=bounds.network,
                most_of_peer=bounds.peer,
            ),
            Server(build_application(engine, is_local=True), local, most=bounds.root, most_of_peer=bounds.root),
        )

    async def serve(self) -> None:
        """Serve requests until ``close`` is called."""
        try:
            await asyncio.gather(*(server.serve() for server in self._servers))
        finally:
            for listener in self._sockets:
                listener.close()

    def close(self) -> None:
        """Take no new requests; ``serve`` returns when the current requests have been answered."""
        for server in self._servers:
            server.stop()


def build_listener(engine: Engine, places: Places) -> ASGIApp:
    """Build the network application: the API, and the dashboard at all other paths unless it is off."""
    api = build_application(engine, is_local=False, places=places)
    if not engine.settings.has_dashboard:
        return api
    return ByPath((PREFIX, *METRICS_PATHS), api, build_dashboard(engine, places=places))


class Server(uvicorn.Server):
    """uvicorn with ``Acceptor`` as its listener. The daemon handles signals.

    uvicorn's ``limit_concurrency`` answers 503 to all clients while silent connections fill it, and uvicorn has no time
    limit for a request's head.
    """

    def __init__(
        self,
        application: object,
        listener: socket.socket,
        *,
        most: int,
        most_of_peer: int,
        patience: ConnectionTimeouts | None = None,
    ) -> None:
        super().__init__(_config(application))
        self._stopping = asyncio.Event()
        self._patience = patience or ConnectionTimeouts()
        self._listener, self._most, self._most_of_peer = listener, most, most_of_peer

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """See uvicorn."""
        await self.lifespan.startup()
        self._listener.settimeout(0)
        name = "root" if self._listener.family == socket.AF_UNIX else "network"
        acceptor = Acceptor(
            self._listener, self._connection, most=self._most, most_of_peer=self._most_of_peer, name=name
        )
        self.servers = [acceptor]  # type: ignore[list-item]
        self.started = True

    async def main_loop(self) -> None:
        """See uvicorn, which wakes ten times a second to see whether it has to stop."""
        while not await self.on_tick(0):  # 0: a whole second, in which the Date header is renewed
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Take no new requests; ``serve`` returns when the current requests have been answered."""
        self.should_exit = True
        self._stopping.set()

    def _connection(self, peer: str, acceptor: Acceptor) -> LimitedConnection:
        return LimitedConnection(
            peer=peer, register=acceptor, patience=self._patience, config=self.config, server_state=self.server_state,
            app_state=self.lifespan.state,
        )  # fmt: skip


def _config(application: object) -> uvicorn.Config:
    return uvicorn.Config(
        application,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        http="httptools",
        proxy_headers=False,  # it believes X-Forwarded-For of every program on this machine; see ``web.address``
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        ws="none",
    )


def _tcp_socket(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # If the protocol is named, asyncio sets TCP_NODELAY. Without it, the body of an answer waits up to 40 ms for the
    # client's acknowledgment of the head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise InvalidSetting(
            f"pvdifyd cannot listen on {address}", why=error.strerror or str(error),
            next="stop what listens there, or pass another --listen",
        ) from error  # fmt: skip
    return listener


def _unix_socket(path: Path) -> socket.socket:
    """Return a bound socket with mode 0600 from its creation."""
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener
