"""The small script that podman takes for conmon; it runs ``launch`` with this interpreter."""

import os
import shlex
import sys
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


def launcher_script(conmon: str, python: str, program: str) -> str:
    """The script's text. podman asks ``--version`` each time, and quietly takes another conmon if that fails."""
    real, interpreter, ours = shlex.quote(conmon), shlex.quote(python), shlex.quote(program)
    return (
        "#!/bin/sh\n"
        "# Written by pvdifyd: starts containers with config vars that podman does not get to see.\n"
        f'[ "$1" = --version ] && exec {real} --version\n'
        f'exec {interpreter} -IS {ours} {real} "$@"\n'
    )


def write_launcher(directory: Path, conmon: str) -> Path:
    """Make the script in this directory, unless it is there as it should be. Raises OSError."""
    path, text = directory / ".conmon", launcher_script(conmon, sys.executable, launch.__file__)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return path
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = directory / f".conmon.{os.getpid()}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
    return path
