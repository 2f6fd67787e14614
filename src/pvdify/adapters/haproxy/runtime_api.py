"""A client of HAProxy's command socket: it sends lines of commands. HAProxy ends each answer with an empty line."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pvdify.adapters.haproxy import commands
from pvdify.errors import RouterUnavailable

_TIMEOUT = 5.0  # seconds for each line of commands
_PROMPT = b"\n> "
_LONGEST_ANSWER = 64 * 1024**2  # bytes; `show sess all` answers with about 2.5 kB per request


class RuntimeApi:
    """Sends commands to the process that owns the socket now, with one connection per line."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def ask(self, command: str) -> str:
        """Run a command and return its answer. Raises RouterUnavailable."""
        return (await self.ask_all((command,)))[0]

    async def ask_all(self, wanted: Sequence[str]) -> list[str]:
        """Run the commands in order and return their answers. Raises RouterUnavailable."""
        return [answer for line in commands.lines(wanted) for answer in await self._ask_line(line)]

    async def hold(self) -> "HeldConnection":
        """Open a connection that stays with this process when a new process takes over the socket.

        Raises RouterUnavailable.
        """
        with _translated():
            streams = await asyncio.open_unix_connection(str(self._socket), limit=_LONGEST_ANSWER)
            held = HeldConnection(*streams)
        try:
            await held.ask("prompt")
        except RouterUnavailable:
            await held.close()
            raise
        return held

    async def _ask_line(self, line: Sequence[str]) -> list[str]:
        with _translated():
            async with asyncio.timeout(_TIMEOUT):
                text = await self._exchange("; ".join(line))
        answers = split_answers(text)
        if len(answers) != len(line):
            raise unavailable(f"{len(line)} commands got {len(answers)} answers: {text[:200]!r}")
        return answers

    async def _exchange(self, line: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(line.encode() + b"\n")
            return (await reader.read(-1)).decode(errors="replace")
        finally:
            await _close(writer)


class HeldConnection:
    """An interactive connection to one process, until the process ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asking = asyncio.Lock()

    async def ask(self, command: str) -> str:
        """Run a command and return its answer. Raises RouterUnavailable if the process has ended or does not answer."""
        with _translated():
            async with self._asking, asyncio.timeout(_TIMEOUT):
                self._writer.write(command.encode() + b"\n")
                return (await self._reader.readuntil(_PROMPT)).decode(errors="replace").removesuffix(_PROMPT.decode())

    async def close(self) -> None:
        """Close the connection, so that a replaced process can exit."""
        await _close(self._writer)


def split_answers(text: str) -> list[str]:
    """Split what HAProxy sent for one line of commands into answers."""
    answers: list[str] = []
    current: list[str] = []
    for line in text.splitlines():
        if line:
            current.append(line)
        else:
            answers.append("\n".join(current))
            current = []
    return answers


def unavailable(why: str) -> RouterUnavailable:
    """Return the error for a router that refused a command or does not answer."""
    return RouterUnavailable(
        "the router does not take commands",
        why=why,
        next="pvdifyd restarts the router by itself; `pvdify status` shows whether it runs",
    )


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise unavailable(f"no answer on its socket within {_TIMEOUT:g} s") from error
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise unavailable(str(error) or type(error).__name__) from error
