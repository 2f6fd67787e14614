"""A backup: one compressed tar file with what a server knows, and first of all what is in it.

``about.json`` says which pvdify wrote it and has the checksum of each of the others: ``pvdify.db``, ``settings.toml``,
and whatever else is in the data directory under ``data/``.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pvdify.errors import BackupUnusable

FORMAT = 1
ABOUT, DATABASE, SETTINGS, DATA = "about.json", "pvdify.db", "settings.toml", "data/"
ASIDE = "before-restore-"  # folders in the data directory with what was here before, or is about to be
ENCRYPTED = ".sops.yaml"
_KEYS = frozenset({".key", ".token", ".secret"})  # endings of files that open the rest, or the server itself
_KEY_FOLDERS = frozenset({"credentials", "edge"})
_KEY_FOLDERS = frozenset({"credentials", "edge"})
# Made anew at each start, of this moment only, or copies themselves.
_LEFT_OUT = frozenset({"run", "router", "pvdifyd.lock"})
_DEPLOY_LOG = ".deploy.jsonl"


@dataclass(frozen=True, kw_only=True)
class About:
    """What a backup says of itself. ``checksums``: name in the archive -> SHA-256."""

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
            inner[:] = [name for name in inner if name not in _LEFT_OUT and not name.startswith(ASIDE)]
        for name in sorted(names):
            path = relative / name
            if (data_dir / path).is_file() and not (data_dir / path).is_symlink() and _is_wanted(path, with_keys):
                yield path


def write(file: Path, contents: dict[str, bytes], about: About) -> None:
    """Write the archive, which only its owner can read. Raises OSError, FileExistsError."""
    if file.exists():
        raise FileExistsError(file)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w:gz") as archive:
                _add(archive, ABOUT, json.dumps(asdict(about), indent=2).encode())
                for name, content in contents.items():
                    _add(archive, name, content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)


def checksums(contents: dict[str, bytes]) -> dict[str, str]:
    """Name -> SHA-256."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def read(file: Path) -> tuple[About, dict[str, bytes]]:
    """What is in an archive, each file as it was. Raises BackupUnusable."""
    try:
        with tarfile.open(file, mode="r:gz") as archive:
            found = {member.name: _content(archive, member) for member in archive if member.isfile()}
        about = About(**json.loads(found.pop(ABOUT)))
    except (OSError, EOFError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise BackupUnusable(
            f"{file} is not a whole backup", why=str(error) or type(error).__name__, next="choose another file"
        ) from error
    if about.format != FORMAT:
        raise BackupUnusable(
            f"{file} was written by a newer pvdify ({about.version})", next="install that version, then restore"
        )
    damaged = sorted(set(about.checksums.items()) ^ set(checksums(found).items()))
    if damaged or DATABASE not in found:
        raise BackupUnusable(
            f"{file} is damaged", why=f"{damaged[0][0] if damaged else DATABASE} is not as it was written",
            next="choose another file",
        )  # fmt: skip
    return about, found


def is_key(path: Path) -> bool:
    """Whether a file of the data directory, or a folder with all in it, is itself a secret that nothing encrypts.

    The age key, the admin token, the secret of webhooks; passwords of registries, the tunnel's token.
    """
    if len(path.parts) == 1 and (path.suffix in _KEYS or path.name.startswith("age.key")):
        return True
    return path.parts[0] in _KEY_FOLDERS and not path.name.endswith(ENCRYPTED)


def path_in_data(name: str) -> Path | None:
    """Where a file of the archive belongs in the data directory; None: not there, or no place for it."""
    path = Path(name.removeprefix(DATA))
    is_inside = name.startswith(DATA) and not path.is_absolute() and ".." not in path.parts
    return path if is_inside else None


def _is_wanted(path: Path, with_keys: bool) -> bool:  # noqa: FBT001 - nobody else calls it
    if path.parts[0] == "logs":
        return path.name.endswith(_DEPLOY_LOG)
    if len(path.parts) == 1 and (path.name in _LEFT_OUT or path.name.startswith(DATABASE)):
        return False
    return with_keys or not is_key(path)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
