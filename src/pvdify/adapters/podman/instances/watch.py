"""Waiting for the end of a process without podman: with a pidfd if the kernel supports it, else by polling."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from pvdify.ports.clock import Clock

LOOK_EVERY_SECONDS = 0.1  # between two polls


async def wait_for_end(pid: int, mark: str, clock: Clock) -> None:
    """Return when the process has ended; at once if it has, or if another process has its pid by now.

    ``mark``: a word that only the right process has on its command line: the container's id.
    """
    await _wait(pid, lambda: is_alive(pid, mark), clock)


async def wait_for_child(pid: int, parent: int, clock: Clock) -> None:
    """As ``wait_for_end``, for a process that is identified by its parent."""
    await _wait(pid, lambda: parent_of(pid) == parent, clock)


async def wait_for_process(pid: int, clock: Clock) -> None:
    """As ``wait_for_end``, for a process that was just seen running under this pid."""
    await _wait(pid, lambda: is_running(pid), clock)


def is_alive(pid: int, mark: str, proc: Path = Path("/proc")) -> bool:
    """Return whether the process with this pid runs and has the mark on its command line."""
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return mark.encode() in words


def is_running(pid: int, proc: Path = Path("/proc")) -> bool:
    """Return whether the process exists and is not a zombie."""
    return parent_of(pid, proc) is not None


def parent_of(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the parent's pid; None if the process does not exist or is a zombie."""
    try:
        # the name, in parentheses, may contain any character
        state, parent = (proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(parent)


async def _wait(pid: int, is_it: Callable[[], bool], clock: Clock) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except OSError:  # kernels before 5.3
        while is_it():
            await clock.sleep(LOOK_EVERY_SECONDS)
        return
    try:
        # checked after the descriptor was opened, because from then on the descriptor refers to the same process
        if is_it():
            await _readable(descriptor)
    finally:
        os.close(descriptor)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
