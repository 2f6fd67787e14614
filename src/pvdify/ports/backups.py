"""Where backups are kept, off the machine and encrypted, and what is needed to make and to restore one."""

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
    """A place, and what opens it. ``keys``: what the place itself asks for, such as S3 keys or an SSH key."""

    location: str
    password: Secret
    keys: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    """What was stored. ``added``: bytes that were sent."""

    snapshot: str
    added: int


@dataclass(frozen=True, kw_only=True)
class FoundItem:
    """What the target has. ``labels``: those that it was stored with."""

    snapshot: str
    at: datetime
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What is in a directory. ``damage``: what is wrong with SQLite databases in it."""

    counts: Counts
    damage: tuple[str, ...] = ()


class BackupTargets(Protocol):
    """Encrypted places for backups.

    Every method raises BackupTargetUnavailable (the place does not answer), BackupTargetRefused (it does not take the
    password or the keys) and RuntimeUnavailable (the program for it is missing).
    """

    async def open(self, target: BackupTarget, *, may_create: bool) -> str:
        """Return the id of what is kept there, and make it if there is nothing yet and ``may_create``."""
        ...

    async def learn(self, target: BackupTarget) -> Mapping[str, Secret]:
        """Return the keys, with what has to be known of the place to find exactly it again."""
        ...

    async def store(self, target: BackupTarget, directory: Path, labels: Mapping[str, str]) -> StoredItem:
        """Store all that is in a directory, with owners, modes and links. Also raises BackupFailed."""
        ...

    async def store_stream(
        self, target: BackupTarget, pieces: AsyncIterator[bytes], labels: Mapping[str, str]
    ) -> StoredItem:  # fmt: skip
        """Store bytes as they come, on no disk of this machine. Unless the iteration ends, nothing is stored.

        Also raises BackupFailed and what the iteration raises.
        """
        ...

    async def list(self, target: BackupTarget) -> tuple[FoundItem, ...]:
        """Return what the target has, oldest first. Also raises BackupDamaged."""
        ...

    async def fetch(self, target: BackupTarget, snapshot: str, into: Path) -> None:
        """Write what was stored into a directory. Also raises BackupDamaged (content is missing or was changed)."""
        ...

    def fetch_stream(self, target: BackupTarget, snapshot: str) -> AsyncGenerator[bytes, None]:
        """Yield what ``store_stream`` has stored. Also raises BackupDamaged, at the latest after the last bytes."""
        ...

    async def forget(self, target: BackupTarget, snapshots: tuple[str, ...]) -> None:
        """Delete these, and what only they needed. Also raises BackupFailed."""
        ...

    async def size(self, target: BackupTarget) -> int:
        """Return how many bytes the target keeps. Also raises BackupDamaged."""
        ...


class BackupFiles(Protocol):
    """Directories on this machine that a backup passes through. Every method raises StoreUnavailable."""

    async def begin(self, name: str) -> Path:
        """Return an empty directory that only root can enter; what it had before is gone."""
        ...

    async def end(self, name: str) -> None:
        """Remove the directory with all that is in it."""
        ...

    async def clear(self) -> None:
        """Remove all such directories."""
        ...

    async def collect_server(self, into: Path) -> None:
        """Write what the server knows, with its keys: database, settings, config and deploy logs."""
        ...

    async def count(self, directory: Path) -> Counted:
        """Count what is in a directory, and check every SQLite database in it."""
        ...

    async def check_server(self, directory: Path) -> tuple[str, ...]:
        """Return what is wrong with a server's data that was restored; nothing where a server could start with it."""
        ...

    async def config_of(self, directory: Path, app: str) -> Mapping[str, ConfigVar]:
        """Return the newest config of an app in a server's data that was restored. Also raises BackupDamaged."""
        ...

    async def free(self) -> int:
        """Return how many bytes the disk below these directories still takes."""
        ...


class VolumeCopies(Protocol):
    """Copies of volumes as they were at one moment. Every method raises RuntimeUnavailable."""

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        """Copy a volume's content into a directory; return the seconds that its containers stood still.

        ``while_frozen``: let every process that has the volume stand still while what changed is copied, so that the
        copy is of one moment; this is entered meanwhile. None: copy while they work. Also raises BackupFailed.
        """
        ...

    async def copy_in(self, app: str, id: str, content: Path) -> None:
        """Make a volume with this content. Also raises BackupFailed, VolumeExists (there is one with content)."""
        ...

    async def thaw(self) -> None:
        """Let go on what stands still, if pvdify was killed while it copied."""
        ...
