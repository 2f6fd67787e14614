"""A transport that sends the head and the body of an answer with one system call."""

import asyncio
from typing import Any

MOST_HELD = 65536  # bytes; more are sent at once, so that a stream which never pauses is held back by its client


class JoinedWrites(asyncio.Transport):
    """Holds what is written until ``flush``, until the event loop's next turn, or until it is ``MOST_HELD`` bytes.

    uvicorn writes the head and the body separately. Each write is a system call, and a segment on the network.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._size = 0
        self._next_turn: asyncio.Handle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See asyncio."""
        self._held.append(bytes(data))
        self._size += len(data)
        if self._size >= MOST_HELD:
            self.flush()
        elif self._next_turn is None:
            self._next_turn = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held."""
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        if self._size:
            data = b"".join(self._held)
            self._held.clear()
            self._size = 0
            self._transport.write(data)

    def close(self) -> None:
        """See asyncio."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """See asyncio."""
        self._held.clear()
        self._size = 0
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        """See asyncio."""
        return self._size + self._transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """See asyncio."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """See asyncio."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See asyncio."""
        self._transport.resume_reading()
