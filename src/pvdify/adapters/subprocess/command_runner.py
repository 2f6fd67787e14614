"""The ``command_runner`` port on asyncio's subprocesses."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pvdify.errors import RuntimeUnavailable
from pvdify.ports.command_runner import Argv, Completed

LONGEST_LINE = 1024 * 1024
TERM_SECONDS = 3.0


class SubprocessRunner:
    """Runs programs in sessions of their own, so that what they started ends with them when they must."""

    async def run(
        self,
        argv: Argv,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60.0,
    ) -> Completed:
        """See the port."""
        process = await start_process(argv, environment, directory, stderr=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(timeout):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError as error:
            raise RuntimeUnavailable(
                f"{Path(argv[0]).name} did not answer within {timeout:g} s",
                why=f"`{' '.join(argv[:3])} …` was still running and has been ended",
                next=f"look what `{argv[0]}` does on the server, and how busy it is; then try again",
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
    async def stream(self, argv: Argv) -> AsyncIterator[AsyncIterator[str]]:
        """See the port."""
        process = await start_process(argv, None, None, stderr=asyncio.subprocess.STDOUT)
        try:
            yield _lines(process)
        finally:
            await end_process(process)


async def start_process(
    argv: Argv, environment: Mapping[str, str] | None, directory: Path | None, *,
    stdin: int = asyncio.subprocess.PIPE, stdout: int = asyncio.subprocess.PIPE, stderr: int,
) -> asyncio.subprocess.Process:  # fmt: skip
    """Start a program in a session of its own. Raises RuntimeUnavailable when it is not installed."""
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
        raise RuntimeUnavailable(
            f"{name} cannot be started on this server",
            why=f"{argv[0]}: {error.strerror}",
            next=f"install it, on Debian with `apt-get install {name}`; then try again",
        ) from error


async def end_process(process: asyncio.subprocess.Process) -> None:
    """End the program and what it started, unless it has ended; then reap it.

    SIGTERM first: podman finishes what must not be cut in two.
    """
    for each, grace in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, None)):
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
        except ValueError:  # longer than anything a person would read: skip what was buffered of it
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip("\r\n")
