"""The small script that podman takes for conmon; it runs ``launch`` with this interpreter."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from pvdify.adapters.podman import launch

# where podman looks, in its order
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
    """The container monitor that podman would use; None where only podman can tell."""
    return next((str(path) for path in CONMON_PATHS if path.exists()), None)


def launcher_script(conmon: str, python: str, program: str, *, allows_metadata: bool = False) -> str:
    """The script's text. podman asks ``--version`` each time, and quietly takes another conmon if that fails."""
    allowance = f"export {launch.ALLOWS_METADATA}=1\n" if allows_metadata else ""
    real, interpreter, ours = shlex.quote(conmon), shlex.quote(python), shlex.quote(program)
    return (
        "#!/bin/sh\n"
        "# Written by pvdifyd: starts containers with config vars that podman does not get to see.\n"
        f'[ "$1" = --version ] && exec {real} --version\n'
        f"{allowance}"
        f'exec {interpreter} -IS {ours} {real} "$@"\n'
    )


def write_launcher(directory: Path, conmon: str, *, allows_metadata: bool = False) -> Path:
    """Make the script in this directory, unless it is there as it should be. Raises OSError."""
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
    """Make the script that podman takes for conmon for one command that enters a container. Raises OSError.

    podman starts it in a directory of its own, so this one goes to ``directory`` first, where the config vars are.
    """
    path = launcher.with_name(f"{launcher.name}.{directory.parent.name}.{number}")
    text = launcher.read_text(encoding="utf-8")
    first, last = text.rstrip("\n").rsplit("\n", 1)
    _write(path, f"{first}\ncd {shlex.quote(str(directory))} || exit 1\n{last}\n")
    return path


def remove_entrance(path: Path) -> None:
    """Remove the script of one command."""
    path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a script, or leave no part of it. Raises OSError."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
