"""The router's process: started in the background, found by its arguments, and watched until it ends.

HAProxy goes to the background in a session of its own, so it survives the end of pvdifyd and is not its child. It is
found by its arguments, because a number in a pid file may be stale.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pvdify.adapters.haproxy import visitor
from pvdify.adapters.haproxy.commands import append
from pvdify.errors import RouterUnavailable
from pvdify.plumbing.command_runner import Argv
from pvdify.ports.clock import Clock

_TIMEOUT = 15.0  # seconds until the command must have returned
_PROC = Path("/proc")
_POLL = 0.05  # seconds
_PIPE_SIZE = 1024 * 1024  # bytes; lines that do not fit are lost, so that no visitor waits for the log


async def run(argv: Argv, *, log: int = -1) -> tuple[int, str, str]:
    """Run HAProxy until the command returns; return exit code, stdout and stderr. Raises RouterUnavailable.

    The command returns soon, because HAProxy goes to the background. ``log``: the descriptor for the access log.
    """
    inherited = (log,) if log >= 0 else ()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=inherited,
            env=os.environ | dict.fromkeys((visitor.LOG_DESCRIPTOR,) if inherited else (), str(log)),
        )
    except OSError as error:
        raise RouterUnavailable(
            "the router cannot be started",
            why=f"{argv[0]}: {error.strerror or error}",
            next="install HAProxy 2.6 or newer, or correct the setting router_binary (empty: the one of pvdify)",
        ) from error
    try:
        async with asyncio.timeout(_TIMEOUT):
            stdout, stderr = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise RouterUnavailable(
            "the router cannot be started", why=f"{argv[0]} did not return within {_TIMEOUT:g} s", next="try again"
        ) from error
    return process.returncode or 0, stdout.decode(errors="replace"), stderr.decode(errors="replace")


@asynccontextmanager
async def appending_to(file: Path) -> AsyncIterator[int]:
    """Yield a descriptor; what is written to it is appended to the file until all copies are closed. Raises OSError.

    HAProxy removes O_APPEND from a descriptor that it logs to, and would overwrite the lines of a file's other writers.
    So the descriptor is a pipe to ``cat``, which ends with the router.
    """
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    reading, writing = os.pipe()
    try:
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        await (await asyncio.create_subprocess_exec(*append(file), stdin=reading, start_new_session=True)).wait()
        yield writing
    finally:
        os.close(reading)
        os.close(writing)


def find(identity: Argv) -> tuple[int, ...]:
    """Return the pids of all processes that have these consecutive arguments, also of replaced ones that still run."""
    wanted = b"\0" + b"\0".join(word.encode() for word in identity) + b"\0"
    return tuple(sorted(int(path.name) for path in _PROC.glob("[0-9]*") if wanted in _arguments(path)))


async def wait_died(pid: int, clock: Clock) -> None:
    """Wait until this process has ended. Return at once if it does not exist."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:  # kernels before 5.3
        while _arguments(_PROC / str(pid)):
            await clock.sleep(_POLL)
        return
    died = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, died.set)
    try:
        await died.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _arguments(path: Path) -> bytes:
    """Return the process's arguments, each ended by a zero byte; empty if it has ended or is a zombie."""
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""
