"""One-off commands in memory."""

import asyncio
from collections.abc import Callable

from pvdify.errors import NothingRuns
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, Stream, TerminalSize


class FakeProcess:
    """Echoes what it reads, until its input ends: then it exits with ``exit_code``."""

    def __init__(self, terminal: TerminalSize | None) -> None:
        self.exit_code = 0
        self.size = terminal
        self.is_gone = False
        self.received = b""
        self._pieces: asyncio.Queue[Output | None] = asyncio.Queue()
        self._ended = asyncio.Event()

    def say(self, text: str, stream: Stream = Stream.STDOUT) -> None:
        """It writes."""
        self._pieces.put_nowait(Output(stream=stream, data=text.encode("utf-8", "surrogateescape")))

    def exit(self, code: int) -> None:
        """It ends by itself."""
        if not self._ended.is_set():
            self.exit_code = code
            self._pieces.put_nowait(None)
            self._ended.set()

    async def read(self) -> Output | None:
        return await self._pieces.get()

    async def write(self, data: bytes) -> None:
        self.received += data
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


class ScriptedProcess(FakeProcess):
    """A process that reads its input to the end, then writes the scripted output and exits."""

    def __init__(self, terminal: TerminalSize | None, code: int, output: str, error: str) -> None:
        super().__init__(terminal)
        self._end = (code, output, error)

    async def write(self, data: bytes) -> None:
        self.received += data

    async def close_input(self) -> None:
        code, output, error = self._end
        if output:
            self.say(output)
        if error:
            self.say(error, Stream.STDERR)
        self.exit(code)


class HangingProcess(FakeProcess):
    """A process that reads its input and does not end by itself."""

    async def write(self, data: bytes) -> None:
        self.received += data

    async def close_input(self) -> None:
        pass


class FakeOneOffs:
    """Starts fake processes."""

    def __init__(self) -> None:
        self.started: list[tuple[InstanceSpec, FakeProcess]] = []

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> FakeProcess:
        process = FakeProcess(terminal)
        self.started.append((spec, process))
        return process


class FakeInside:
    """Run commands in instances of a machine in memory. ``is_running`` and ``listens`` describe the instances."""

    def __init__(
        self, is_running: Callable[[str], bool], listens: Callable[[str, int], bool] = lambda _name, _port: True
    ) -> None:
        self._is_running, self._listens = is_running, listens
        self.entered: list[tuple[str, str | tuple[str, ...], FakeProcess]] = []
        self.connected: list[tuple[str, int, FakeProcess]] = []
        self._answers: list[tuple[object, str | None, tuple[int, str, str] | None]] = []

    def answer(
        self, command: object, *, code: int = 0, output: str = "", error: str = "", instance: str | None = None
    ) -> None:
        """From now on this command ends so, in one instance or in all."""
        self._answers.append((command, instance, (code, output, error)))

    def hang(self, command: object) -> None:
        """From now on this command does not end."""
        self._answers.append((command, None, None))

    def given(self, command: object) -> bytes:
        """What the last one of these commands read."""
        return next(process.received for _, entered, process in reversed(self.entered) if entered == command)

    async def enter(
        self, instance: str, number: int, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> FakeProcess:
        self._check_running(instance)
        scripted = [end for known, where, end in self._answers if known == command and where in (None, instance)]
        process = _process(scripted[-1], terminal) if scripted else FakeProcess(terminal)
        self.entered.append((instance, command, process))
        return process

    async def connect(self, instance: str, port: int) -> FakeProcess:
        self._check_running(instance)
        process = FakeProcess(None)
        if not self._listens(instance, port):
            process.say(f"port {port}: connection refused\n", Stream.STDERR)
            process.exit(1)
        self.connected.append((instance, port, process))
        return process

    def _check_running(self, instance: str) -> None:
        if not self._is_running(instance):
            raise NothingRuns(f"{instance} does not run any more", next="`pvdify ps` shows what runs")


def _process(end: tuple[int, str, str] | None, terminal: TerminalSize | None) -> FakeProcess:
    return ScriptedProcess(terminal, *end) if end else HangingProcess(terminal)
