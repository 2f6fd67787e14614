"""The ``command_runner`` port on asyncio's subprocesses."""

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pvdify.errors import RuntimeHangs, RuntimeUnavailable, storage_error
from pvdify.plumbing.command_runner import Argv, Completed, Piped

LONGEST_LINE = 1024 * 1024  # bytes
PIECE = 64 * 1024  # bytes
TERM_SECONDS = 3.0  # after SIGTERM, before SIGKILL
KILL_SECONDS = 5.0  # after SIGKILL; a process that waits for a hanging disk or network does not end even then


class SubprocessRunner:
    """A runner that starts each program in its own session, so that a program's children can be ended with it."""

    async def run(
        self,
        argv: Argv,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60.0,
    ) -> Completed:
        process = await start_process(argv, environment, directory, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(timeout):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError as error:
            raise RuntimeHangs(
                f"{Path(argv[0]).name} did not answer within {timeout:g} s",
                why=f"`{' '.join(argv[:3])} …` was still running and was killed",
                next=f"check what `{argv[0]}` does on the server, and how busy the server is; then try again",
            ) from error
        finally:
            await end_process(process)
        return Completed(
            argv=argv,
            exit_code=process.returncode if process.returncode is not None else -1,
            stdout=stdout.decode(errors="replace"),
            stderr=stderr.decode(errors="replace"),
        )

    @asynccontextmanager
    async def pipe(self, argv: Argv, *, environment: Mapping[str, str] | None = None) -> AsyncIterator[Piped]:
        """See the port."""
        process = await start_process(argv, environment, None, stderr=asyncio.subprocess.PIPE)
        piped = _Piped(argv, process)
        try:
            yield piped
        finally:
            await end_process(process)
            piped.close()

    @asynccontextmanager
    async def stream(self, argv: Argv) -> AsyncIterator[AsyncIterator[str]]:
        process = await start_process(argv, None, None, stderr=asyncio.subprocess.STDOUT)
        try:
            yield _lines(process)
        finally:
            await end_process(process)


class _Piped:
    """See ``plumbing.command_runner``. A task reads stderr all the time, so that writes to it never block."""

    def __init__(self, argv: Argv, process: asyncio.subprocess.Process) -> None:
        self._argv = argv
        self._process = process
        self._errors = bytearray()
        self._reading = asyncio.create_task(self._read_errors())

    async def write(self, data: bytes) -> bool:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except ConnectionError:
            return False
        return True

    async def close_input(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.close()

    async def output(self) -> AsyncIterator[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        while piece := await self._process.stdout.read(PIECE):
            yield piece

    async def wait(self) -> Completed:
        code = await self._process.wait()
        await self._reading
        return Completed(argv=self._argv, exit_code=code, stdout="", stderr=self._errors.decode(errors="replace"))

    def close(self) -> None:
        self._reading.cancel()

    async def _read_errors(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        while piece := await self._process.stderr.read(PIECE):
            self._errors[:] = (self._errors + piece)[-LONGEST_LINE:]


async def start_process(
    argv: Argv, environment: Mapping[str, str] | None, directory: Path | None, *,
    stdin: int = asyncio.subprocess.PIPE, stdout: int = asyncio.subprocess.PIPE, stderr: int,
) -> asyncio.subprocess.Process:  # fmt: skip
    """Start a program in a session of its own. Raises RuntimeUnavailable if it is not installed or cannot start."""
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=None if environment is None else {**os.environ, **environment},
            cwd=directory,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
    except OSError as error:
        name = Path(argv[0]).name
        what = f"{name} cannot be started on this server"
        if error.errno not in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
            again = "check how busy the server is; then try again"
            raise storage_error(RuntimeUnavailable, what, error, next=again) from error
        raise RuntimeUnavailable(
            what,
            why=f"{argv[0]}: {error.strerror}",
            next=f"install it, on Debian with `apt-get install {name}`; then try again",
        ) from error


async def end_process(process: asyncio.subprocess.Process) -> None:
    """End the program and its children unless the program has ended, and reap it.

    Sends SIGTERM first, so that podman can complete its writes; after TERM_SECONDS SIGKILL. Returns after KILL_SECONDS
    more even if the kernel still blocks the process.
    """
    for each, grace in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await asyncio.shield(process.wait())


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    assert process.stdout is not None and process.stdin is not None  # noqa: PT018, S101 - both were asked for
    process.stdin.close()
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # the line is longer than LONGEST_LINE: skip what is buffered of it
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip("\r\n")
