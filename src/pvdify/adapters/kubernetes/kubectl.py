"""kubectl with its input and output connected to a client: it speaks the API server's streaming protocols."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from pvdify.adapters.kubernetes.names import CONTAINER
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.plumbing.command_runner import Argv
from pvdify.ports.attached import Attached

_VERDICT = re.compile(rb"(?:^|\n)((?:error: )?command terminated with (?:exit code \d+|non-zero exit code[^\n]*)\n?)$")
HINT = b"If you don't see a command prompt, try pressing enter."
_LONGEST_VERDICT = 200  # bytes


class Attach(Protocol):
    """A function that starts a program with its input and output connected to the caller."""

    def __call__(self, argv: Argv, *, directory: Path, terminal: TerminalSize | None) -> Awaitable[Attached]:
        """Raises RuntimeUnavailable if the program is not installed."""
        ...


class Kubectl:
    """Runs kubectl for one cluster, with its input and output connected. Raises RuntimeUnavailable if it is missing.

    Args:
        binary: the kubectl command.
        kubeconfig: the path of the file; empty for the account of the pod that pvdifyd runs in.
        attach: starts programs.
    """

    def __init__(self, *, binary: str, kubeconfig: str, attach: Attach) -> None:
        self._start = (binary, *((f"--kubeconfig={kubeconfig}",) if kubeconfig else ()))
        self._attach = attach

    async def attach(self, namespace: str, pod: str, terminal: TerminalSize | None) -> Attached:
        """Connect to the program of the pod's container."""
        return await self._run(("attach", *_input(namespace, terminal), pod), terminal)

    async def enter(
        self, namespace: str, pod: str, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> Attached:
        """Run a command in the pod's container."""
        words = ("/bin/sh", "-c", command) if isinstance(command, str) else command
        return await self._run(("exec", *_input(namespace, terminal), pod, "--", *words), terminal)

    def script(self, namespace: str, pod: str, container: str, text: str, *, has_input: bool = False) -> Argv:
        """Return the command that runs a shell script in the pod's container, with its output and exit code."""
        opened = ("--stdin",) if has_input else ()
        where = (f"--namespace={namespace}", f"--container={container}", *opened, pod)
        return (*self._start, "exec", *where, "--", "/bin/sh", "-c", text)

    async def forward(self, namespace: str, pod: str, port: int) -> Attached:
        """Forward a port of this machine, which kubectl chooses and prints, to a port inside the pod."""
        return await self._run(
            ("port-forward", f"--namespace={namespace}", "--address=127.0.0.1", pod, f":{port}"), None
        )

    async def _run(self, words: Argv, terminal: TerminalSize | None) -> Attached:
        return await self._attach((*self._start, *words), directory=Path("/"), terminal=terminal)


def _input(namespace: str, terminal: TerminalSize | None) -> Argv:
    is_on_terminal = ("--tty",) if terminal is not None else ()
    return (f"--namespace={namespace}", f"--container={CONTAINER}", "--stdin", *is_on_terminal)


class AttachedKubectl:
    """An attached kubectl.

    Args:
        process: kubectl.
        code: returns the command's exit code, once kubectl has ended with this one.
        finish: ends what runs in the cluster; called before kubectl itself is ended.
        echo: what a terminal answers to the first input, which is not the client's.
    """

    def __init__(
        self, process: Attached, *, code: Callable[[int], Awaitable[int]], finish: Callable[[], Awaitable[None]],
        echo: bytes = b"",
    ) -> None:  # fmt: skip
        self._process, self._code, self._finish = process, code, finish
        self._ended: asyncio.Task[int] | None = None
        self._last = b""  # the end of stderr, which may be kubectl's own verdict
        self._is_over = False
        self._noise = [HINT, *([echo] if echo else [])]

    async def read(self) -> Output | None:
        """See the port. Leaves out kubectl's own last line, which says the exit code once more."""
        while not self._is_over:
            piece = await self._process.read()
            if piece is None:
                self._is_over = True
                break
            data = self._without_noise(piece.data)
            if not data:
                continue
            if piece.stream is not Stream.STDERR:
                return Output(stream=piece.stream, data=data)
            text = self._last + data
            kept = _verdict_begins(text)
            text, self._last = text[:kept], text[kept:]
            if text:
                return Output(stream=Stream.STDERR, data=text)
        rest, self._last = _VERDICT.sub(b"", self._last), b""
        return Output(stream=Stream.STDERR, data=rest) if rest else None

    async def write(self, data: bytes) -> None:
        await self._process.write(data)

    async def close_input(self) -> None:
        await self._process.close_input()

    def resize(self, size: TerminalSize) -> None:
        self._process.resize(size)

    async def wait(self) -> int:
        if self._ended is None:
            self._ended = asyncio.create_task(self._wait())
        return await asyncio.shield(self._ended)

    async def end(self) -> None:
        try:
            await self._finish()
        finally:
            await self._process.end()

    def _without_noise(self, data: bytes) -> bytes:
        """Return the output without kubectl's hint and the echo, which each come once at the beginning of a piece."""
        while found := next((each for each in self._noise if data.startswith(each)), None):
            self._noise.remove(found)
            data = data.removeprefix(found).lstrip(b"\r\n") if found is HINT else data.removeprefix(found)
        return data

    async def _wait(self) -> int:
        return await self._code(await self._process.wait())


def _verdict_begins(text: bytes) -> int:
    """Return where kubectl's verdict may begin; the length of the text if it cannot."""
    start = text.rfind(b"\n", 0, len(text) - 1) + 1 if len(text) > 1 else 0
    line = text[start:]
    signs = (b"command terminated with ", b"error: command terminated with ")
    may_be = any(line.startswith(sign) or sign.startswith(line) for sign in signs)
    return start if may_be and len(line) <= _LONGEST_VERDICT else len(text)
