"""One-off commands in memory."""

import asyncio

from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, Stream, TerminalSize


class FakeProcess:
    """Echoes what it reads, until its input ends: then it exits with ``exit_code``."""

    def __init__(self, terminal: TerminalSize | None) -> None:
        self.exit_code = 0
        self.size = terminal
        self.is_gone = False
        self._pieces: asyncio.Queue[Output | None] = asyncio.Queue()
        self._ended = asyncio.Event()

    def say(self, text: str, stream: Stream = Stream.STDOUT) -> None:
        """It writes."""
        self._pieces.put_nowait(Output(stream=stream, data=text.encode()))

    def exit(self, code: int) -> None:
        """It ends by itself."""
        if not self._ended.is_set():
            self.exit_code = code
            self._pieces.put_nowait(None)
            self._ended.set()

    async def read(self) -> Output | None:
        return await self._pieces.get()

    async def write(self, data: bytes) -> None:
        if data:
            self.say(data.decode())

    async def close_input(self) -> None:
        self.exit(0)

    def resize(self, size: TerminalSize) -> None:
        self.size = size

    async def wait(self) -> int:
        await self._ended.wait()
        return self.exit_code

    async def end(self) -> None:
        self.exit(137)
        self.is_gone = True


class FakeOneOffs:
    """Starts fake processes."""

    def __init__(self) -> None:
        self.started: list[tuple[InstanceSpec, FakeProcess]] = []

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> FakeProcess:
        process = FakeProcess(terminal)
        self.started.append((spec, process))
        return process
