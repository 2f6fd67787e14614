"""Create the data and run directories with their modes, and lock them for one pvdifyd at a time."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pvdify.errors import DataDirInUse, InvalidSetting, StoreUnavailable, has_storage_cause, naming_cause, storage_error
from pvdify.settings import LONGEST_SOCKET_PATH, Settings


def prepare(settings: Settings) -> None:
    """Create missing directories. Raises InvalidSetting, or StoreUnavailable if the disk is the cause."""
    try:
        for directory in (settings.data_dir, settings.data_dir / "logs", settings.data_dir / "config"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
        settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.run_dir.chmod(0o700)
        _link_run_dir(settings)
    except OSError as error:
        branch = StoreUnavailable if has_storage_cause(error) else InvalidSetting
        raise storage_error(
            branch, f"pvdifyd cannot use the data directory {settings.data_dir}", error,
            next="run it as root, or pass a --data-dir that you can write to",
        ) from error  # fmt: skip
    if len(str(settings.socket_path)) > LONGEST_SOCKET_PATH:
        raise InvalidSetting(f"{settings.socket_path} is too long for a socket", next="pass a shorter --data-dir")


def _link_run_dir(settings: Settings) -> None:
    """Link ``DATA_DIR/run`` to the run directory, so that a second server's sockets are easy to find."""
    link = settings.data_dir / "run"
    if not link.is_symlink() or link.readlink() != settings.run_dir:
        link.unlink(missing_ok=True)
        link.symlink_to(settings.run_dir)


class DataDirLock:
    """The lock of a data directory. The kernel releases it when the process ends, also after a crash."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "pvdifyd.lock"
        self._descriptor = -1

    def acquire(self) -> None:
        """Lock the data directory for this process, without waiting.

        Raises DataDirInUse if another pvdifyd holds the lock, StoreUnavailable if the lock file cannot be created.
        """
        with naming_cause(StoreUnavailable, f"{self._file} cannot be written", next="correct its path"):
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = self._file.read_text().strip() or "unknown"
            os.close(self._descriptor)
            raise DataDirInUse(
                f"another pvdifyd (pid {holder}) runs with the data directory {self._file.parent}",
                next="use that one, stop it first, or pass another --data-dir",
            ) from error
        with suppress(OSError):  # the pid is only for messages; a full disk must not fail the lock
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)
