"""The script that podman starts as conmon; it runs ``launch`` with this Python interpreter."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from pvdify.adapters.podman.instances import launch

# the paths that podman searches, in podman's order
CONMON_PATHS = tuple(
    Path(directory) / "conmon"
    for directory in (
        "/usr/libexec/podman",
        "/usr/local/libexec/podman",
        "/usr/local/lib/podman",
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/usr/local/sbin",
        "/run/current-system/sw/bin",
    )
)


def find_conmon() -> str | None:
    """Return the conmon that podman would use; None if it is at none of podman's default paths."""
    return next((str(path) for path in CONMON_PATHS if path.exists()), None)


def launcher_script(conmon: str, python: str, program: str, *, allows_metadata: bool = False) -> str:
    """Return the script's text. podman calls ``--version`` first, and silently uses another conmon if that fails."""
    allowance = f"export {launch.ALLOWS_METADATA}=1\n" if allows_metadata else ""
    real, interpreter, ours = shlex.quote(conmon), shlex.quote(python), shlex.quote(program)
    return (
        "#!/bin/sh\n"
        "# Written by pvdifyd: starts containers with config vars that podman does not see.\n"
        f'[ "$1" = --version ] && exec {real} --version\n'
        f"{allowance}"
        f'exec {interpreter} -IS {ours} {real} "$@"\n'
    )


def write_launcher(directory: Path, conmon: str, *, allows_metadata: bool = False) -> Path:
    """Write the script into this directory unless it has this text already, and return its path. Raises OSError."""
    path = directory / ".conmon"
    text = launcher_script(conmon, sys.executable, launch.__file__, allows_metadata=allows_metadata)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return path
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = directory / f".conmon.{os.getpid()}"
    _write(temporary, text)
    try:
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    return path


def write_entrance(launcher: Path, directory: Path, number: int) -> Path:
    """Write the script that podman starts as conmon for one command in a container. Raises OSError.

    podman starts it in another directory, so the script changes to ``directory``, which contains the config vars.
    """
    path = launcher.with_name(f"{launcher.name}.{directory.parent.name}.{number}")
    text = launcher.read_text(encoding="utf-8")
    first, last = text.rstrip("\n").rsplit("\n", 1)
    _write(path, f"{first}\ncd {shlex.quote(str(directory))} || exit 1\n{last}\n")
    return path


def remove_entrance(path: Path) -> None:
    """Remove the script of one command; ignore a missing one."""
    path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a script; if that fails, delete the incomplete file. Raises OSError."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
