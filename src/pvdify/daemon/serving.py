"""The two doors: TCP for tokens, a unix socket for root."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from pvdify.api.application import build_application
from pvdify.api.call import Engine
from pvdify.errors import InvalidSetting
from pvdify.settings import Address, Settings

_BACKLOG = 2048
GRACE = 3  # seconds that answers under way get when pvdifyd stops


class Doors:
    """Listens before anything is served, so that a taken port is an error at start and not a surprise later."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._sockets = (_tcp_socket(settings.listen), _unix_socket(settings.socket_path))
        for listener in self._sockets:
            listener.listen(_BACKLOG)  # from now on nobody is turned away, though answers begin with ``serve``
        self._servers = tuple(_server(build_application(engine, is_local=is_local)) for is_local in (False, True))

    async def serve(self) -> None:
        """Answer until ``close``."""
        await asyncio.gather(
            *(server.serve(sockets=[listener]) for server, listener in zip(self._servers, self._sockets, strict=True))
        )

    def close(self) -> None:
        """Take no new requests; ``serve`` returns when those under way have been answered."""
        for server in self._servers:
            server.should_exit = True


class _QuietServer(uvicorn.Server):
    """Signals are the daemon's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are captured here."""
        yield


def _server(application: object) -> uvicorn.Server:
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        ws="none",
    )
    return _QuietServer(config)


def _tcp_socket(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
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
    """A socket that only its owner can connect to, from its birth on."""
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener
