"""Commands inside the containers of services: health checks, dumps, restores. Their output is not logged."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from itertools import count
from typing import TypeVar

from pvdify.engine.world.concurrency import within
from pvdify.errors import PvdifyError, ServiceFailed
from pvdify.model.one_off import Stream
from pvdify.model.service import Service, container_name
from pvdify.model.service_kinds import Words
from pvdify.ports.attached import Attached, Inside
from pvdify.ports.clock import Clock

ResultT = TypeVar("ResultT")
QUICK = 20.0  # seconds for a command that moves no data
LONG = 12 * 3600.0  # seconds for a command that moves data
SHOWN = 1000  # bytes; how much of the end of stderr an error message has
_NUMBERS = count(10_000)  # commands that users start have lower numbers


class ServiceCommands:
    """Runs commands in the container of a service, by default in the container of its current generation."""

    def __init__(self, *, clock: Clock, inside: Inside) -> None:
        self._clock, self._inside = clock, inside

    async def ask(
        self, service: Service, words: Words, *, generation: int | None = None, stdin: bytes = b"",
        within: float = QUICK,
    ) -> str:  # fmt: skip
        """Run a command and return its stdout. ``within``: seconds. Raises as ``stream``."""

        async def pieces() -> AsyncGenerator[bytes, None]:
            if stdin:
                yield stdin

        async with aclosing(self.stream(service, words, pieces(), generation=generation, within=within)) as output:
            return b"".join([piece async for piece in output]).decode(errors="replace")

    async def stream(
        self, service: Service, words: Words, stdin: AsyncIterator[bytes], *, generation: int | None = None,
        within: float = LONG, note: Callable[[bytes], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:  # fmt: skip
        """Run a command with this ``stdin`` and yield its stdout.

        ``within``: seconds until the command is ended. ``note``: is called with each piece of stderr. Raises
        ServiceFailed unless the command exits with 0 in time, NothingRuns, RuntimeUnavailable, and errors of ``stdin``.
        """
        clock, errors, failures = self._clock, bytearray(), list[BaseException]()
        deadline = clock.monotonic() + within
        name = container_name(service, service.generation if generation is None else generation)
        process = await self._inside.enter(name, next(_NUMBERS), words, None)
        feeding = asyncio.create_task(_feed(process, stdin, failures))
        try:
            while (piece := await _before(clock, deadline, process.read())) is not None:
                if piece.stream is Stream.STDERR:
                    errors[:] = (errors + piece.data)[-SHOWN:]
                    if note is not None:
                        note(piece.data)
                else:
                    yield piece.data
            code = await _before(clock, deadline, process.wait())
            if failures:
                raise failures[0]
        except TimeoutError as error:
            raise _failed(service, f"it did not end within {within:g} s") from error
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError, PvdifyError):
                await feeding
            await process.end()
        if code != 0:
            said = errors.decode(errors="replace").strip()
            raise _failed(service, f"it exited with code {code}{f': {said}' if said else ''}")


async def _feed(process: Attached, stdin: AsyncIterator[bytes], failures: list[BaseException]) -> None:
    """Write the input to the command.

    If the input fails, end the command without closing its stdin: it must not take the failure for the end of input.
    """
    try:
        async for piece in stdin:
            await process.write(piece)
    except BaseException as error:
        if not isinstance(error, asyncio.CancelledError):
            failures.append(error)
        await process.end()
        raise
    await process.close_input()


async def _before(clock: Clock, deadline: float, work: Coroutine[None, None, ResultT]) -> ResultT:
    """Return the result of the work. Raises TimeoutError if the work has not ended by the deadline."""
    return await within(clock, max(0.0, deadline - clock.monotonic()), work)


def _failed(service: Service, why: str) -> ServiceFailed:
    return ServiceFailed(
        f"a command in the service {service.name} failed",
        why=why,
        next=f"`pvdify services:logs {service.name}` shows what the service wrote",
    )
