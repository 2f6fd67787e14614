"""Replaced processes that still finish requests. Their requests count as in flight, too.

A replaced process closes its command socket, but keeps its connections. So a connection to its command socket is opened
before the replacement. It is closed once it is the process's last connection, because it would keep the process alive.
"""

from collections.abc import Collection, Sequence

from pvdify.adapters.haproxy import commands, parse, sessions
from pvdify.adapters.haproxy.runtime_api import HeldConnection
from pvdify.errors import RouterUnavailable
from pvdify.model.endpoint import Endpoint


class Predecessors:
    """The processes that this pvdifyd has replaced. Those that an earlier pvdifyd replaced are unknown."""

    def __init__(self) -> None:
        self._held: list[HeldConnection] = []

    def add(self, held: HeldConnection) -> None:
        """Add a replaced process, by a connection that was opened before its replacement."""
        self._held.append(held)

    async def in_flight(self, questions: Sequence[str]) -> int:
        """Return how many requests replaced processes have in flight. ``questions``: ``show table`` commands."""
        await self.release()
        return sum([await self._count(held, question) for held in tuple(self._held) for question in questions])

    async def end_requests(self, targets: Collection[Endpoint]) -> int:
        """End the requests of replaced processes to these targets; return how many were ended."""
        return sum([await self._end(held, targets) for held in tuple(self._held)])

    async def release(self) -> None:
        """Close the connections to processes that have no other connection, so that these processes can exit."""
        for held in tuple(self._held):
            try:
                info = parse.process_info(await held.ask(commands.SHOW_INFO))
            except RouterUnavailable:
                info = None
            if info is None or info.connections == 0:  # the count does not include this one
                await self._drop(held)

    async def close(self) -> None:
        """Close the connections to all processes."""
        for held in tuple(self._held):
            await self._drop(held)

    async def _count(self, held: HeldConnection, question: str) -> int:
        try:
            return parse.counts(await held.ask(question)).in_flight
        except RouterUnavailable:
            await self._drop(held)
            return 0

    async def _end(self, held: HeldConnection, targets: Collection[Endpoint]) -> int:
        try:
            found = sessions.to_targets(await held.ask(commands.SHOW_SESSIONS), targets)
            return [(await held.ask(commands.end_session(each))).strip() for each in found].count("")
        except RouterUnavailable:
            await self._drop(held)
            return 0

    async def _drop(self, held: HeldConnection) -> None:
        if held in self._held:
            self._held.remove(held)
        await held.close()
