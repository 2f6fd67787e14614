"""Programs whose input and output a client uses while they run, through pipes or a pseudo-terminal."""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections import deque
from contextlib import suppress
from pathlib import Path

from pvdify.adapters.subprocess.command_runner import end_process, start_process
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.plumbing.command_runner import Argv

LARGEST_PIECE = 64 * 1024  # bytes
MOST_PIECES = 8  # pieces of output that wait to be read; when there are more, the program's writes block
LAST_OUTPUT_SECONDS = 2.0  # the longest that `end` waits for output which an ended program has left in its pipes
END_OF_INPUT = b"\x04"  # Ctrl-D


async def attach(argv: Argv, *, directory: Path, terminal: TerminalSize | None) -> "OnPipes | OnTerminal":
    """Start a program on pipes, or on a new terminal of this size. Raises RuntimeUnavailable if it is not installed."""
    if terminal is None:
        pipe = asyncio.subprocess.PIPE
        return OnPipes(await start_process(argv, None, directory, stderr=pipe))
    ours, its = os.openpty()
    os.set_blocking(ours, False)
    _set_size(ours, terminal)
    try:
        process = await start_process(argv, None, directory, stdin=its, stdout=its, stderr=its)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(its)
    return OnTerminal(process, ours)


class OnPipes:
    """A running program with separate pipes for stdout and stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._pieces: deque[Output] = deque()
        self._room, self._changed = asyncio.Semaphore(MOST_PIECES), asyncio.Event()
        self._copying = asyncio.create_task(self._copy())
        self._copying.add_done_callback(lambda _: self._changed.set())

    async def read(self) -> Output | None:
        while not self._pieces:
            if self._copying.done():
                return None
            self._changed.clear()
            await self._changed.wait()
        self._room.release()
        return self._pieces.popleft()

    async def write(self, data: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(data)
            with suppress(ConnectionError):
                await self._process.stdin.drain()

    async def close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def resize(self, size: TerminalSize) -> None:
        """Do nothing: there is no terminal."""

    async def wait(self) -> int:
        return await self._process.wait()

    async def end(self) -> None:
        """See the port. The exit of a program may be noticed before its last output, which is still read."""
        await end_process(self._process)
        await asyncio.wait({self._copying}, timeout=LAST_OUTPUT_SECONDS)
        self._copying.cancel()
        self._process._transport.close()  # type: ignore[attr-defined] # the pipes; a child may keep the other ends open

    async def _copy(self) -> None:
        ends = ((self._process.stdout, Stream.STDOUT), (self._process.stderr, Stream.STDERR))
        async with asyncio.TaskGroup() as group:
            for reader, stream in ends:
                if reader is not None:
                    group.create_task(self._copy_one(reader, stream))

    async def _copy_one(self, reader: asyncio.StreamReader, stream: Stream) -> None:
        while data := await reader.read(LARGEST_PIECE):
            await self._room.acquire()
            self._pieces.append(Output(stream=stream, data=data))
            self._changed.set()


class OnTerminal:
    """A running program on a pseudo-terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self._process = process
        self._terminal: int | None = terminal
        self._waiting: set[asyncio.Future[None]] = set()

    async def read(self) -> Output | None:
        while self._terminal is not None:
            try:
                data = os.read(self._terminal, LARGEST_PIECE)
            except BlockingIOError:
                await self._ready(self._terminal, is_for_writing=False)
                continue
            except OSError:  # the other end is closed
                return None
            return Output(stream=Stream.STDOUT, data=data) if data else None
        return None

    async def write(self, data: bytes) -> None:
        while data and self._terminal is not None:
            try:
                data = data[os.write(self._terminal, data) :]
            except BlockingIOError:
                await self._ready(self._terminal, is_for_writing=True)
            except OSError:
                return

    async def close_input(self) -> None:
        await self.write(END_OF_INPUT)

    def resize(self, size: TerminalSize) -> None:
        """Set the terminal's size, and send SIGWINCH: the kernel does not, as this terminal controls no process."""
        if self._terminal is not None:
            _set_size(self._terminal, size)
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGWINCH)

    async def wait(self) -> int:
        return await self._process.wait()

    async def end(self) -> None:
        await end_process(self._process)
        if self._terminal is None:
            return
        loop, terminal, self._terminal = asyncio.get_running_loop(), self._terminal, None
        loop.remove_reader(terminal)  # before another file gets its number
        loop.remove_writer(terminal)
        os.close(terminal)
        for ready in self._waiting:  # a closed terminal becomes neither readable nor writable
            _note(ready)

    async def _ready(self, terminal: int, *, is_for_writing: bool) -> None:
        """Wait until the terminal is readable or writable, or has ended."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        watch, unwatch = (
            (loop.add_writer, loop.remove_writer) if is_for_writing else (loop.add_reader, loop.remove_reader)
        )
        watch(terminal, _note, ready)
        self._waiting.add(ready)
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            if self._terminal is not None:
                unwatch(terminal)


def _set_size(terminal: int, size: TerminalSize) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))


def _note(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
