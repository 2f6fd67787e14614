"""Accept connections up to a limit, so that clients never take the descriptors that the engine needs.

asyncio's own server accepts until the process has no descriptor left, and then logs a traceback for each waiting
connection.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import structlog

from pvdify.daemon.connections import LimitedConnection, is_far

log = structlog.get_logger()

AT_ONCE = 32  # connections accepted before the event loop runs other callbacks
PAUSE_SECONDS = 1.0  # pause after the kernel refused a connection for lack of descriptors or memory
LOG_EVERY_SECONDS = 60.0
RETRY_AFTER = 5
_BODY = (
    b'{"type":"urn:pvdify:error:too-many-connections","title":"Unavailable","status":503,'
    b'"code":"too-many-connections","detail":"pvdifyd has as many connections as it may","why":"every one of them is '
    b'being answered","next":"send the request again in %d s","request_id":"","problems":[]}' % RETRY_AFTER
)
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: %d\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (RETRY_AFTER, len(_BODY), _BODY)
)
MakeConnection = Callable[[str, "Acceptor"], LimitedConnection]


class Acceptor:
    """A listener that replaces ``asyncio.Server``.

    At the limit, it closes the connection that has waited longest for a request. If all connections are being
    answered, the new connection gets 503.

    Args:
        listener: a non-blocking, listening socket.
        make: creates the protocol of a connection, from the peer's address.
        most: the limit of connections open at once.
        most_of_peer: the limit for one address that is not loopback.
        name: the listener's name in the log.
    """

    def __init__(
        self, listener: socket.socket, make: MakeConnection, *, most: int, most_of_peer: int, name: str
    ) -> None:
        self._listener, self._make = listener, make
        self._most, self._most_of_peer = most, most_of_peer
        self._loop = asyncio.get_running_loop()
        self._complaints = RefusalLog(name)
        self._open: dict[LimitedConnection, None] = {}
        self._waiting: dict[LimitedConnection, None] = {}  # the longest waiting first
        self._arriving: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._listen()

    def close(self) -> None:
        """Accept no more connections."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._listener)
            self._complaints.close()

    async def wait_closed(self) -> None:
        """Wait until all accepted connections have their protocol."""
        await asyncio.gather(*self._arriving, return_exceptions=True)

    def waits(self, connection: LimitedConnection) -> None:
        """See ``Register``."""
        self._open[connection] = None
        self._waiting.setdefault(connection)

    def works(self, connection: LimitedConnection) -> None:
        """See ``Register``."""
        self._waiting.pop(connection, None)

    def ended(self, connection: LimitedConnection) -> None:
        """See ``Register``."""
        self._open.pop(connection, None)
        self._waiting.pop(connection, None)

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._complaints.note(error.strerror or str(error))
                self._loop.remove_reader(self._listener)
                self._loop.call_later(PAUSE_SECONDS, self._listen)
                return
            self._admit(connection, str(address[0]) if isinstance(address, tuple) else "")

    def _admit(self, connection: socket.socket, peer: str) -> None:
        connection.settimeout(0)
        if not self._has_room(peer):
            self._complaints.note("every connection is being answered")
            _refuse(connection)
            return
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)  # ms; for a vanished peer
        task = self._loop.create_task(self._hand_over(connection, peer))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _hand_over(self, connection: socket.socket, peer: str) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: self._make(peer, self), connection)
        except OSError:
            connection.close()  # the client disconnected in between

    def _has_room(self, peer: str) -> bool:
        """Return whether there is room for a new connection; close a silent one to make room."""
        if is_far(peer):
            of_peer = [each for each in self._open if each.peer == peer]
            if len(of_peer) >= self._most_of_peer:
                return self._give_up(next((each for each in of_peer if each.is_silent), None))
        if len(self._open) + len(self._arriving) >= self._most:
            return self._give_up(next((each for each in self._waiting if each.is_silent), None))
        return True

    def _give_up(self, connection: LimitedConnection | None) -> bool:
        if connection is None:
            return False
        self._complaints.note("the connection that was silent the longest was closed for a new one")
        connection.abort()
        self.ended(connection)
        return True


class RefusalLog:
    """Logs refused connections: one line a minute, with the count since the previous line."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count, self._why = 0, ""
        self._pause: asyncio.TimerHandle | None = None

    def note(self, why: str) -> None:
        """Count one more, and log it unless a line was logged within the last minute."""
        self._count, self._why = self._count + 1, why
        if self._pause is None:
            self._say()

    def close(self) -> None:
        """Stop logging."""
        if self._pause is not None:
            self._pause.cancel()

    def _say(self) -> None:
        self._pause = None
        if self._count:
            log.warning("connections.refused", listener=self._name, count=self._count, why=self._why)
            self._count = 0
            self._pause = asyncio.get_running_loop().call_later(LOG_EVERY_SECONDS, self._say)


def _refuse(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        with suppress(BlockingIOError):
            connection.recv(65536)  # unread data would make the kernel drop the response
        connection.send(REFUSAL)
        connection.shutdown(socket.SHUT_WR)
