"""What a server's data directory has that a backup needs, and what a backup says of itself."""

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
WORK = "backups"  # what backups pass through, and the cache of their target
_KEYS = frozenset({".key", ".token", ".secret"})  # endings of files that open the rest, or the server itself
_KEY_FOLDERS = frozenset({"credentials", "edge"})
# Made anew at each start, of this moment only, or copies themselves.
_LEFT_OUT = frozenset({"run", "router", "pvdifyd.lock", LAST_BACKUP, WORK})
_DEPLOY_LOG = ".deploy.jsonl"


@dataclass(frozen=True, kw_only=True)
class About:
    """What a backup says of itself. ``checksums``: name in the backup -> SHA-256."""

    format: int
    version: str
    schema: int
    made_at: str
    has_keys: bool
    checksums: dict[str, str]


def data_files(data_dir: Path, *, with_keys: bool) -> Iterator[Path]:
    """What is to be in a backup besides the database, relative to the data directory.

    Of the logs only those of deploys: what apps write is the journal's.
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
    """Name -> SHA-256."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def read_directory(directory: Path) -> tuple[About, dict[str, bytes]]:
    """Return what a backup says of itself, and its files by name. Raises OSError, ValueError, TypeError."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink()]
    contents = {str(path.relative_to(directory)): path.read_bytes() for path in files}
    return About(**json.loads(contents.pop(ABOUT, b"") or b"{}")), contents


def is_key(path: Path) -> bool:
    """Whether a file of the data directory, or a folder with all in it, is itself a secret that nothing encrypts.

    The age key, the admin token, the secret of webhooks; passwords of registries, the tunnel's token.
    """
    if len(path.parts) == 1 and (path.suffix in _KEYS or path.name.startswith("age.key")):
        return True
    return path.parts[0] in _KEY_FOLDERS and not path.name.endswith(ENCRYPTED)


def path_in_data(name: str) -> Path | None:
    """Where a file of the backup belongs in the data directory; None: not there, or no place for it."""
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
