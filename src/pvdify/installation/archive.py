"""The file format of ``pvdify server backup``: one compressed tar file with a server's data.

The first member, ``about.json``, has the version of pvdify that wrote the file and the checksums of the other members:
``pvdify.db``, ``settings.toml``, and other files of the data directory under ``data/``.
"""

import gzip
import io
import json
import os
import tarfile
import zlib
from dataclasses import asdict
from pathlib import Path

from pvdify.adapters.files.earlier_life import ASIDE_FOR_RESTORE
from pvdify.adapters.files.server_data import (
    ABOUT,
    DATA,
    DATABASE,
    ENCRYPTED,
    FORMAT,
    SETTINGS,
    BackupDescription,
    checksums,
    data_files,
    is_key,
    path_in_data,
)
from pvdify.errors import BackupUnusable

__all__ = [
    "ABOUT", "DATA", "DATABASE", "ENCRYPTED", "FORMAT", "SETTINGS", "BackupDescription", "checksums", "data_files",
    "is_key", "path_in_data",
]  # fmt: skip
SMALLEST_BOUND = 256 * 1024 * 1024  # bytes; an archive of any size may unpack to this many
MOST_TIMES_LARGER = 100  # limit of unpacked size / archive size; pvdify's databases compress about ten times
ASIDE = ASIDE_FOR_RESTORE  # prefix of folders in the data directory with previous files, or with files to move in


def write(file: Path, contents: dict[str, bytes], about: BackupDescription) -> None:
    """Write the archive as a whole, with mode 0600. Raises FileExistsError if the file exists, OSError."""
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


def read(file: Path) -> tuple[BackupDescription, dict[str, bytes]]:
    """Return the archive's description of itself, and its files by name. Raises BackupUnusable."""
    try:
        most = max(SMALLEST_BOUND, MOST_TIMES_LARGER * file.stat().st_size)
        with gzip.open(file) as unpacked, tarfile.open(fileobj=_Bounded(unpacked, most), mode="r:") as archive:
            found = {member.name: _content(archive, member) for member in archive if member.isfile()}
        about = BackupDescription(**json.loads(found.pop(ABOUT)))
    except (OSError, EOFError, tarfile.TarError, zlib.error, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BackupUnusable(
            f"{file} is not a whole backup", why=str(error) or type(error).__name__, next="choose another file"
        ) from error
    check_whole(str(file), about, found)
    return about, found


def check_whole(where: str, about: BackupDescription, found: dict[str, bytes]) -> None:
    """Raise BackupUnusable if this pvdify does not know the format, or the files do not match their checksums."""
    if about.format != FORMAT:
        raise BackupUnusable(
            f"{where} was written by a newer pvdify ({about.version})", next="install that version, then restore"
        )
    damaged = sorted(set(about.checksums.items()) ^ set(checksums(found).items()))
    if damaged or DATABASE not in found:
        raise BackupUnusable(
            f"{where} is damaged", why=f"{damaged[0][0] if damaged else DATABASE} is not as it was written",
            next="choose another one",
        )  # fmt: skip


class _Bounded(io.RawIOBase):
    """A stream that refuses reads beyond ``most`` bytes, because a small archive can unpack to any size."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._most = stream, most

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes. Raises tarfile.ReadError beyond the limit."""
        self._check(self._stream.tell() + max(size, 0))
        return self._stream.read(size if size >= 0 else self._most)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position. Raises tarfile.ReadError beyond the limit."""
        self._check(offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._stream.tell()

    def _check(self, position: int) -> None:
        if position > self._most:
            raise tarfile.ReadError(f"it unpacks to more than {self._most} bytes")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
