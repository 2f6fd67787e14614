"""Replaced processes that still finish requests: what they carry counts as in flight too.

A process that got the signal to finish closes its socket, but keeps its connections. So one connection is held from
before, and closed as soon as it is the last one there (it would keep the process alive).
"""

from collections.abc import Collection, Sequence

from pvdify.adapters.haproxy import commands, parse, sessions
from pvdify.adapters.haproxy.runtime_api import HeldConnection
from pvdify.errors import RouterUnavailable
from pvdify.model.endpoint import Endpoint


class Predecessors:
    """The processes replaced in our lifetime; those of earlier lifetimes finish unseen."""

    def __init__(self) -> None:
        self._held: list[HeldConnection] = []

    def add(self, held: HeldConnection) -> None:
        """Remember a process that was replaced, by a connection from before."""
        self._held.append(held)

    async def in_flight(self, questions: Sequence[str]) -> int:
        """Requests of these targets that replaced processes still carry."""
        await self.release()
        return sum([await self._count(held, question) for held in tuple(self._held) for question in questions])

    async def end_requests(self, targets: Collection[Endpoint]) -> int:
        """End what replaced processes still carry to these targets; how many requests it was."""
        return sum([await self._end(held, targets) for held in tuple(self._held)])

    async def release(self) -> None:
        """Let processes go that have nothing left to do."""
        for held in tuple(self._held):
            try:
                info = parse.process_info(await held.ask(commands.SHOW_INFO))
            except RouterUnavailable:
                info = None
            if info is None or info.connections == 0:  # the held one is not among them
                await self._drop(held)

    async def close(self) -> None:
        """Let all of them go."""
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
