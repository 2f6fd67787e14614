"""The router's directory: its configuration, maps and confirm token, in whole files that only we can read."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from pvdify.adapters.haproxy import maps
from pvdify.adapters.haproxy.maps import Tables

CONFIG = "haproxy.cfg"
ACCESS_LOG = "access.log"
TOKEN = "confirm.token"  # noqa: S105 - the name of a file


def prepare(directory: Path) -> str:
    """Make the directory, empty maps and the token where they are missing; the token. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in maps.MAPS:
        if not (directory / name).exists():
            write_whole(directory / name, "")
    token = read_token(directory)
    if not token:
        token = secrets.token_hex(32)
        write_whole(directory / TOKEN, token + "\n")
    return token


def read_token(directory: Path) -> str:
    """The secret of the confirm header; empty before ``prepare``."""
    try:
        return _read(directory / TOKEN).strip()
    except OSError:
        return ""


def read_tables(directory: Path) -> Tables:
    """What the map files say; a missing file is an empty map. Raises OSError."""
    return Tables(entries={name: maps.parse(_read(directory / name)) for name in maps.MAPS})


def write_tables(directory: Path, tables: Tables, names: Iterable[str]) -> None:
    """Write the named maps, in this order, so that what is on disk serves at every moment. Raises OSError."""
    for name in names:
        write_whole(directory / name, maps.render(tables[name]))


def write_whole(path: Path, text: str) -> None:
    """Replace a file at once and for good: temporary file born 0600, fsync, rename, fsync. Raises OSError."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
