"""An HTTP connection with time limits for a request's head, and for a client that does not read the response."""

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pvdify.daemon.joined_writes import JoinedWrites

MOST_HEAD = 16384  # bytes of an unfinished head, of a chunk's extensions or of trailers; the parser has no limit
HOSTS_BY_VERSION = {"1.0": (0, 1), "1.1": (1,)}  # how many Host headers a request may have


@dataclass(frozen=True, kw_only=True)
class ConnectionTimeouts:
    """Time limits in seconds: ``head`` to receive a request's head; ``stuck`` while a client reads no response data.

    ``head`` counts from the start of the connection, or from the first byte of a later request.
    """

    head: float = 15.0
    stuck: float = 60.0


class Register(Protocol):
    """Tracks which connections wait for a request; the longest waiting is closed first."""

    def waits(self, connection: "LimitedConnection") -> None:
        """Record that no request of this connection is being answered."""
        ...

    def works(self, connection: "LimitedConnection") -> None:
        """Record that a request of this connection is being answered."""
        ...

    def ended(self, connection: "LimitedConnection") -> None:
        """Record that the connection is closed."""
        ...


class InvalidHead(Exception):
    """A request of another version of HTTP, or with none or several Host headers; it is answered with 400."""


class LimitedConnection(HttpToolsProtocol):
    """uvicorn's connection with more limits of time and size: uvicorn itself has only one, between two requests."""

    def __init__(self, *, peer: str, register: Register, patience: ConnectionTimeouts, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.peer = peer
        self._register, self._patience = register, patience
        self._head: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._unread = 0  # bytes since the parser has found a whole head or a piece of a body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        self._writes = JoinedWrites(transport, self.loop)
        super().connection_made(self._writes)
        self._note()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._head, self._stuck = _without(self._head), _without(self._stuck)
        self._unset_keepalive_if_required()  # uvicorn leaves the timer running if the client disconnected
        super().connection_lost(exc)
        self._register.ended(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MOST_HEAD and not self.transport.is_closing():
            self._refuse()
        self._note()

    def on_headers_complete(self) -> None:
        """See uvicorn. Raises InvalidHead."""
        self._unread = 0
        hosts = [name for name, _ in self.headers if name == b"host"]
        if len(hosts) not in HOSTS_BY_VERSION.get(self.parser.get_http_version(), ()):
            raise InvalidHead
        super().on_headers_complete()
        self.headers = []  # the request keeps its own list, so trailers are not headers of the request

    def on_body(self, body: bytes) -> None:
        """See uvicorn."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See uvicorn."""
        self._unread = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """See uvicorn: its limit between two requests applies until the next request begins."""
        self._writes.flush()
        super().on_response_complete()
        if self.transport.is_closing():
            self._stop_when_stuck()
        self._note(is_between=self.timeout_keep_alive_task is not None)

    def timeout_keep_alive_handler(self) -> None:
        """See uvicorn."""
        super().timeout_keep_alive_handler()
        self._stop_when_stuck()

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._stop_when_stuck()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._stuck = _without(self._stuck)
        super().resume_writing()

    def abort(self) -> None:
        """Close at once, and drop unsent data."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether closing loses nothing: no request is being answered, and no response data is unsent."""
        return self._is_waiting and self.transport.get_write_buffer_size() == 0

    @property
    def _is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self) -> None:
        if self._is_waiting:
            self.send_400_response(f"more than {MOST_HEAD} bytes without the end of the request's head")
        else:
            self.abort()  # a part of the answer may have been sent

    def _stop_when_stuck(self) -> None:
        self._stuck = self._stuck or self.loop.call_later(self._patience.stuck, self.abort)

    def _note(self, *, is_between: bool = False) -> None:
        if self.transport.is_closing():
            return
        if not self._is_waiting:
            self._head = _without(self._head)
            self._register.works(self)
            return
        self._register.waits(self)
        if not is_between:
            self._head = self._head or self.loop.call_later(self._patience.head, self.abort)


def is_far(peer: str) -> bool:
    """Return whether the peer is not on loopback. The router and tunnels connect from loopback, for all clients."""
    try:
        return not ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
