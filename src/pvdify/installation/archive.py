"""A backup: one compressed tar file with what a server knows, and first of all what is in it.

``about.json`` says which pvdify wrote it and has the checksum of each of the others: ``pvdify.db``, ``settings.toml``,
and whatever else is in the data directory under ``data/``.
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
    About,
    checksums,
    data_files,
    is_key,
    path_in_data,
)
from pvdify.errors import BackupUnusable

__all__ = [
    "ABOUT", "DATA", "DATABASE", "ENCRYPTED", "FORMAT", "SETTINGS", "About", "checksums", "data_files", "is_key",
    "path_in_data",
]  # fmt: skip
SMALLEST_BOUND = 256 * 1024 * 1024  # bytes that an archive of any size may unpack to
MOST_TIMES_LARGER = 100  # a database of our own compresses about ten times
ASIDE = ASIDE_FOR_RESTORE  # folders in the data directory with what was here before, or is about to be


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


def read(file: Path) -> tuple[About, dict[str, bytes]]:
    """What is in an archive, each file as it was. Raises BackupUnusable."""
    try:
        most = max(SMALLEST_BOUND, MOST_TIMES_LARGER * file.stat().st_size)
        with gzip.open(file) as unpacked, tarfile.open(fileobj=_Bounded(unpacked, most), mode="r:") as archive:
            found = {member.name: _content(archive, member) for member in archive if member.isfile()}
        about = About(**json.loads(found.pop(ABOUT)))
    except (OSError, EOFError, tarfile.TarError, zlib.error, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BackupUnusable(
            f"{file} is not a whole backup", why=str(error) or type(error).__name__, next="choose another file"
        ) from error
    check_whole(str(file), about, found)
    return about, found


def check_whole(where: str, about: About, found: dict[str, bytes]) -> None:
    """Raise BackupUnusable if this pvdify cannot read it, or a file is not as it was written."""
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
    """A stream that refuses to be read beyond ``most`` bytes: a small archive can unpack to any size."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._most = stream, most

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes. Raises tarfile.ReadError."""
        self._check(self._stream.tell() + max(size, 0))
        return self._stream.read(size if size >= 0 else self._most)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Raises tarfile.ReadError."""
        self._check(offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where the next read begins."""
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
