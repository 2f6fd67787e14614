"""The router's process: started in the background, found again by its pid file, watched until it dies.

It has no parent: HAProxy puts itself into the background in a session of its own, so neither our end nor our death
touches it, and no handle of ours can. It is recognised by its arguments, never by a number in a file that may be stale.
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

_TIMEOUT = 15.0
_PROC = Path("/proc")
_POLL = 0.05
_PIPE_SIZE = 1024 * 1024  # lines that do not fit are lost; a visitor never waits for the log


async def run(argv: Argv, *, log: int = -1) -> tuple[int, str, str]:
    """Run HAProxy until it returns (which is soon: it goes to the background); exit code, stdout, stderr.

    ``log``: the descriptor that its access log goes to, for as long as it lives. Raises RouterUnavailable.
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
    """A descriptor whose content is appended to the file, for as long as anybody has it open. Raises OSError.

    HAProxy takes O_APPEND off a descriptor it logs to, so that the file's other writers would be overwritten; ``cat``
    stands in between, and ends with the router.
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
    """Every living process with these arguments side by side; those that only finish old requests too."""
    wanted = b"\0" + b"\0".join(word.encode() for word in identity) + b"\0"
    return tuple(sorted(int(path.name) for path in _PROC.glob("[0-9]*") if wanted in _arguments(path)))


async def wait_died(pid: int, clock: Clock) -> None:
    """Wait until this process is gone, at once if it is."""
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
    """Empty for a process that is gone or a zombie."""
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""
