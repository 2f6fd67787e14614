"""Encrypted storage for backups outside the machine, and access to the data that is backed up and restored."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pvdify.model.backup import Counts
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret


@dataclass(frozen=True, kw_only=True)
class BackupTarget:
    """A storage location and its credentials. ``keys``: the location's own credentials, such as S3 or SSH keys."""

    location: str
    password: Secret
    keys: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    """A snapshot that was just stored. ``added``: bytes that were sent."""

    snapshot: str
    added: int


@dataclass(frozen=True, kw_only=True)
class FoundItem:
    """A snapshot that the target has. ``labels``: the labels that it was stored with."""

    snapshot: str
    at: datetime
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The contents of a directory. ``damage``: problems of the SQLite databases in it."""

    counts: Counts
    damage: tuple[str, ...] = ()


class BackupTargets(Protocol):
    """Encrypted storage for backups.

    Every method raises BackupTargetUnavailable (the target does not answer), BackupTargetRefused (the target does not
    accept the password or the keys) and RuntimeUnavailable (the backup program is missing).
    """

    async def open(self, target: BackupTarget, *, may_create: bool) -> str:
        """Return the id of the repository at the target. If there is none and ``may_create``, create it."""
        ...

    async def learn(self, target: BackupTarget) -> Mapping[str, Secret]:
        """Return the target's keys, extended by what identifies the target later, such as an SSH host key."""
        ...

    async def store(self, target: BackupTarget, directory: Path, labels: Mapping[str, str]) -> StoredItem:
        """Store everything in a directory, with owners, modes and links. Also raises BackupFailed."""
        ...

    async def store_stream(
        self, target: BackupTarget, pieces: AsyncIterator[bytes], labels: Mapping[str, str]
    ) -> StoredItem:  # fmt: skip
        """Store a stream of bytes without writing it to a disk of this machine.

        If the iteration does not end normally, nothing is stored. Also raises BackupFailed and what the iteration
        raises.
        """
        ...

    async def list(self, target: BackupTarget) -> tuple[FoundItem, ...]:
        """Return the snapshots at the target, oldest first. Also raises BackupDamaged."""
        ...

    async def fetch(self, target: BackupTarget, snapshot: str, into: Path) -> None:
        """Write a snapshot into a directory. Also raises BackupDamaged (content is missing or was changed)."""
        ...

    def fetch_stream(self, target: BackupTarget, snapshot: str) -> AsyncGenerator[bytes, None]:
        """Yield a snapshot made by ``store_stream``. Also raises BackupDamaged, at the latest after the last bytes."""
        ...

    async def forget(self, target: BackupTarget, snapshots: tuple[str, ...]) -> None:
        """Delete these snapshots and the data that only they use. Also raises BackupFailed."""
        ...

    async def size(self, target: BackupTarget) -> int:
        """Return the number of bytes stored at the target. Also raises BackupDamaged."""
        ...


class BackupFiles(Protocol):
    """Temporary directories for the contents of backups. Every method raises StoreUnavailable."""

    async def begin(self, name: str) -> Path:
        """Return an empty directory that only root can enter. Deletes previous contents."""
        ...

    async def end(self, name: str) -> None:
        """Remove the directory with its contents."""
        ...

    async def clear(self) -> None:
        """Remove all such directories."""
        ...

    async def collect_server(self, into: Path) -> None:
        """Write the server's own data with its keys: database, settings, config and deploy logs."""
        ...

    async def count(self, directory: Path) -> Counted:
        """Count the contents of a directory, and check every SQLite database in it."""
        ...

    async def check_server(self, directory: Path) -> tuple[str, ...]:
        """Return the problems of a server's data that was restored; empty if a server could start with it."""
        ...

    async def config_of(self, directory: Path, app: str) -> Mapping[str, ConfigVar]:
        """Return the newest config of an app from a server's data that was restored. Also raises BackupDamaged."""
        ...

    async def free(self) -> int:
        """Return the free bytes on the disk of these directories."""
        ...


class VolumeCopies(Protocol):
    """Copies of volumes as they were at one moment. Every method raises RuntimeUnavailable."""

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        """Copy a volume's content into a directory; return for how many seconds its containers were frozen.

        ``while_frozen``: freeze every process that has the volume while the last changes are copied, so that the copy
        shows one moment. The context manager is entered for the time of the freeze. None: copy without freezing. Also
        raises BackupFailed, also where a volume that is in use can only be copied without freezing.
        """
        ...

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        """Create a volume with this content. Also raises BackupFailed, VolumeExists (the volume has content).

        ``runtime``: the one whose instances will mount the volume; empty for that of the settings.
        """
        ...

    async def thaw(self) -> None:
        """Unfreeze the containers that are still frozen because pvdify was killed while it copied.

        Returns when it is done, however long the runtime does not answer.
        """
        ...
