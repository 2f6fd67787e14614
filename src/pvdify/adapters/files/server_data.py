"""The files of a server's data directory that belong into a backup, and the backup's description of itself."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.files.earlier_life import ASIDE_FOR_NEW, ASIDE_FOR_RESTORE, LAST_BACKUP

FORMAT = 1
ABOUT, DATABASE, SETTINGS, DATA = "about.json", "pvdify.db", "settings.toml", "data/"
ENCRYPTED = ".sops.yaml"
WORK = "backups"  # folder of temporary files of backups, and of the cache of the backup target
_KEYS = frozenset({".key", ".token", ".secret"})  # endings of files that decrypt others or give access to the server
_KEY_FOLDERS = frozenset({"credentials", "edge"})
# Left out because pvdifyd writes them anew at each start, or because they are themselves copies.
_LEFT_OUT = frozenset({"run", "router", "pvdifyd.lock", LAST_BACKUP, WORK})
_DEPLOY_LOG = ".deploy.jsonl"


@dataclass(frozen=True, kw_only=True)
class BackupDescription:
    """A backup's description of itself. ``checksums``: name in the backup -> SHA-256."""

    format: int
    version: str
    schema: int
    made_at: str
    has_keys: bool
    checksums: dict[str, str]


def data_files(data_dir: Path, *, with_keys: bool) -> Iterator[Path]:
    """Yield the files that belong into a backup besides the database, relative to the data directory.

    Of all logs, only deploy logs are included. Without ``with_keys``, files for which ``is_key`` holds are left out.
    """
    for folder, inner, names in os.walk(data_dir):
        inner.sort()
        relative = Path(folder).relative_to(data_dir)
        if relative == Path():
            aside = (ASIDE_FOR_RESTORE, ASIDE_FOR_NEW)
            inner[:] = [name for name in inner if name not in _LEFT_OUT and not name.startswith(aside)]
        for name in sorted(names):
            path = relative / name
            if (data_dir / path).is_file() and not (data_dir / path).is_symlink() and _is_wanted(path, with_keys):
                yield path


def checksums(contents: dict[str, bytes]) -> dict[str, str]:
    """Return name -> SHA-256 in hexadecimal."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def read_directory(directory: Path) -> tuple[BackupDescription, dict[str, bytes]]:
    """Return a backup's description, and the contents of its files by name. Raises OSError, ValueError, TypeError."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink()]
    contents = {str(path.relative_to(directory)): path.read_bytes() for path in files}
    return BackupDescription(**json.loads(contents.pop(ABOUT, b"") or b"{}")), contents


def is_key(path: Path) -> bool:
    """Return whether a file or folder of the data directory contains a secret that is not encrypted.

    Such secrets are the age key, the admin token, the secret of webhooks, passwords of registries and the tunnel's
    token.
    """
    # A file that a power cut left half replaced is ``.NAME.PID``; see ``whole_file``.
    name = path.name.removeprefix(".").rstrip("0123456789").rstrip(".") if path.name.startswith(".") else path.name
    if len(path.parts) == 1 and (Path(name).suffix in _KEYS or name.startswith("age.key")):
        return True
    return path.parts[0] in _KEY_FOLDERS and not path.name.endswith(ENCRYPTED)


def path_in_data(name: str) -> Path | None:
    """Return the path of a backup's file relative to the data directory.

    None if the file belongs elsewhere, such as the database, or if the path would leave the data directory.
    """
    path = Path(name.removeprefix(DATA))
    is_inside = name.startswith(DATA) and not path.is_absolute() and ".." not in path.parts and name.isprintable()
    is_inside = is_inside and path != Path()
    return path if is_inside else None


def _is_wanted(path: Path, with_keys: bool) -> bool:  # noqa: FBT001 - private
    if path.parts[0] == "logs":
        return path.name.endswith(_DEPLOY_LOG)
    if len(path.parts) == 1 and (path.name in _LEFT_OUT or path.name.startswith(DATABASE)):
        return False
    return with_keys or not is_key(path)
