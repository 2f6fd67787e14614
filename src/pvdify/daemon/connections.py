"""One HTTP connection with time limits: for a request's head, and for a client that does not read its answer."""

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Any, Protocol

from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds: ``head`` until a request's head is complete; ``stuck`` in which a client takes nothing of its answer.

    ``head`` counts from the connection's begin, or from the first byte of a later request.
    """

    head: float = 15.0
    stuck: float = 60.0


class Register(Protocol):
    """Keeps which connections wait for a request; the one that has waited longest is the first to be given up."""

    def waits(self, connection: "LimitedConnection") -> None:
        """No request of this connection is being answered."""
        ...

    def works(self, connection: "LimitedConnection") -> None:
        """A request of this connection is being answered."""
        ...

    def ended(self, connection: "LimitedConnection") -> None:
        """The connection is closed."""
        ...


class LimitedConnection(H11Protocol):
    """uvicorn's own connection knows one limit of time, which is between two requests."""

    def __init__(self, *, peer: str, register: Register, patience: Patience, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.peer = peer
        self._register, self._patience = register, patience
        self._head: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._note()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._head, self._stuck = _without(self._head), _without(self._stuck)
        self._unset_keepalive_if_required()  # uvicorn leaves it running when the client was the one who broke off
        super().connection_lost(exc)
        self._register.ended(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """See uvicorn: from now on its limit between two requests holds, until the next one begins."""
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
        """Close at once, and drop what is not sent yet."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether nothing is lost when it is closed: no request is being answered, and no answer is on its way."""
        return self._is_waiting and self.transport.get_write_buffer_size() == 0

    @property
    def _is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

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
    """Whether an address says who connects: from loopback come the router and tunnels, and with them everyone."""
    try:
        return not ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
