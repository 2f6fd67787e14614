"""The router's directory: the configuration, the maps and the confirm token. All files are written atomically.

Only root can read the files. If the router has a user of its own, the directory has that user's group and the setgid
bit, and the group can read the files.
"""

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pvdify.adapters.haproxy import maps
from pvdify.adapters.haproxy.hold import SCRIPT
from pvdify.adapters.haproxy.maps import Tables

CONFIG = "haproxy.cfg"
ACCESS_LOG = "access.log"
TOKEN = "confirm.token"  # noqa: S105 - the name of a file


def prepare(directory: Path) -> str:
    """Create the directory, the maps and the token if they are missing; return the token. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _share(directory)
    for name in maps.MAPS:
        if not (directory / name).exists():
            write_whole(directory / name, "")
    token = read_token(directory)
    if not token:
        token = secrets.token_hex(32)
        write_whole(directory / TOKEN, token + "\n")
    return token


def read_token(directory: Path) -> str:
    """Return the secret of the confirm header; "" before ``prepare`` or if the file cannot be read."""
    try:
        return _read(directory / TOKEN).strip()
    except OSError:
        return ""


def read_tables(directory: Path) -> Tables:
    """Read the map files. A missing file is an empty map. Raises OSError."""
    return Tables(entries={name: maps.parse(_read(directory / name)) for name in maps.MAPS})


def write_tables(directory: Path, tables: Tables, names: Iterable[str]) -> None:
    """Write the named maps in the given order, which keeps routes on the disk usable throughout. Raises OSError."""
    for name in names:
        write_whole(directory / name, maps.render(tables[name]))


def write_program(directory: Path, config: str, script: str) -> None:
    """Write the script, then the configuration, which refers to the script. Raises OSError."""
    write_whole(directory / SCRIPT, script)
    write_whole(directory / CONFIG, config)


def write_whole(path: Path, text: str) -> None:
    """Replace a file atomically and durably: temporary file, fsync, rename, fsync of the directory. Raises OSError.

    A file that already has this text and mode is not written, so that the router can be restarted on a full disk.
    """
    if _is_written(path, text):
        return
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            if _is_shared(path.parent):
                os.fchmod(file.fileno(), 0o640)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _is_written(path: Path, text: str) -> bool:
    wanted = text.encode()
    try:
        there = path.stat()
        is_as_new = stat.S_IMODE(there.st_mode) == (0o640 if _is_shared(path.parent) else 0o600)
        return is_as_new and there.st_size == len(wanted) and path.read_bytes() == wanted
    except OSError:
        return False


def _is_shared(directory: Path) -> bool:
    return bool(directory.stat().st_mode & stat.S_ISGID)


def _share(directory: Path) -> None:
    """Make files that an earlier version wrote for root alone readable to the router's group."""
    if not _is_shared(directory):
        return
    group = directory.stat().st_gid
    for path in (directory / name for name in (CONFIG, TOKEN, *maps.MAPS)):
        if path.exists() and (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) != (group, 0o640):
            os.chown(path, -1, group)
            path.chmod(0o640)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
