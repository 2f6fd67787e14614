"""podman's init program, which runs as process 1 of a container, and a check that the init started the program.

The kernel kills every process of a container when process 1 ends. With an init as process 1, a program may end before
the others have finished (see ``stopper``). Programs that are an init themselves must be process 1, so they get no init.
"""

import os
from pathlib import Path, PurePosixPath

from pvdify.ports.clock import Clock

INITS = frozenset(
    {"init", "tini", "tini-static", "dumb-init", "catatonit", "docker-init", "systemd", "my_init", "s6-svscan", "runit"}
)
PODMANS_INIT = frozenset({"/run/podman-init", "/dev/init"})
RUNTIMES = frozenset({"runc", "crun", "exe"})  # process 1 is still the OCI runtime, just before it becomes the init
LOOK_EVERY_SECONDS = 0.002  # between two checks of /proc
LONGEST_LOOK_SECONDS = 5.0  # after which the program counts as started


def is_init(command: tuple[str, ...]) -> bool:
    """Return whether the command's program is an init."""
    return bool(command) and PurePosixPath(command[0]).name in INITS


async def wait_for_program(pid: int, clock: Clock, proc: Path = Path("/proc")) -> bool:
    """Wait until the init has executed its program; return False if process 1 has ended by then.

    Returns True also if the kernel does not list children, or after LONGEST_LOOK_SECONDS.
    """
    deadline = clock.monotonic() + LONGEST_LOOK_SECONDS
    while clock.monotonic() < deadline:
        has_program = _has_program(proc / str(pid))
        if has_program is not None:
            return has_program
        await clock.sleep(LOOK_EVERY_SECONDS)
    return True


def _has_program(process: Path) -> bool | None:
    """Return True if the program runs, False if process 1 has ended, None if neither is true yet."""
    try:
        first = (process / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        if first not in PODMANS_INIT:
            return None if PurePosixPath(first).name in RUNTIMES else bool(first)
        init = os.readlink(process / "exe")  # noqa: PTH115 - only the text counts
        children = (process / "task" / process.name / "children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return (process / "stat").exists()  # process 1 runs; this kernel has no `children` files
    except OSError:
        return False
    return True if any(_runs_another(process.parent / child, init) for child in children) else None


def _runs_another(process: Path, program: str) -> bool:
    try:
        return os.readlink(process / "exe") != program  # noqa: PTH115
    except OSError:
        return False
