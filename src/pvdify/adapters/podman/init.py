"""The init program that podman puts into containers as process 1, and whether what it started did start.

The kernel kills every process of a container when process 1 ends. With an init in its place, a program may end before
the others have finished (see ``stopper``). Programs that are an init themselves insist on being process 1 and get none.
"""

import os
from pathlib import Path, PurePosixPath

from pvdify.ports.clock import Clock

INITS = frozenset(
    {"init", "tini", "tini-static", "dumb-init", "catatonit", "docker-init", "systemd", "my_init", "s6-svscan", "runit"}
)
PODMANS_INIT = frozenset({"/run/podman-init", "/dev/init"})
RUNTIMES = frozenset({"runc", "crun", "exe"})  # process 1 is still the OCI runtime, just before it becomes the init
LOOK_EVERY_SECONDS = 0.002
LONGEST_LOOK_SECONDS = 0.5


def is_init(command: tuple[str, ...]) -> bool:
    """Whether the program is an init itself."""
    return bool(command) and PurePosixPath(command[0]).name in INITS


async def wait_for_program(pid: int, clock: Clock, proc: Path = Path("/proc")) -> bool:
    """Wait until the init has executed its program; False if process 1 has ended by then, well or not.

    True also where the kernel does not tell, or it takes unreasonably long.
    """
    deadline = clock.monotonic() + LONGEST_LOOK_SECONDS
    while clock.monotonic() < deadline:
        has_program = _has_program(proc / str(pid))
        if has_program is not None:
            return has_program
        await clock.sleep(LOOK_EVERY_SECONDS)
    return True


def _has_program(process: Path) -> bool | None:
    """True: the program runs; False: process 1 is gone; None: neither yet."""
    try:
        first = (process / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        if first not in PODMANS_INIT:
            return None if PurePosixPath(first).name in RUNTIMES else bool(first)
        init = os.readlink(process / "exe")  # noqa: PTH115 - only the text counts
        children = (process / "task" / process.name / "children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return (process / "stat").exists()  # there, but without `children`: a kernel that does not tell
    except OSError:
        return False
    return True if any(_runs_another(process.parent / child, init) for child in children) else None


def _runs_another(process: Path, program: str) -> bool:
    try:
        return os.readlink(process / "exe") != program  # noqa: PTH115
    except OSError:
        return False
