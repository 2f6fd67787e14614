"""Atomic writing of files: readers see the old content or the new, never a part, also after a power loss."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file: write a temporary file, sync it to the disk, rename it, and sync the folder.

    The file has ``mode`` from its creation on, so its content is never readable to more users. Missing folders are
    created. Raises OSError.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        error.filename = error.filename or str(file)
        raise
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
