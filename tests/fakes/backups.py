"""A target of backups, the directories they pass through, and copies of volumes; all in memory."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pvdify.errors import BackupDamaged, BackupTargetRefused, BackupTargetUnavailable, VolumeExists
from pvdify.model.backup import Counts
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.ports.backups import BackupTarget, Counted, FoundItem, StoredItem
from tests.fakes.supervisor import FakeSupervisor

AT = datetime(2026, 1, 1, tzinfo=UTC)


class FakeBackups:
    """All three ports: what is stored is what ``content`` says of a volume.

    ``stored``: snapshot -> labels and counts; ``password``: what opens the target, None before it was made.
    """

    def __init__(self, supervisor: FakeSupervisor) -> None:
        self._supervisor = supervisor
        self.is_there = True
        self.password: str | None = None
        self.stored: dict[str, tuple[Mapping[str, str], Counts]] = {}
        self.content: dict[str, Counts] = {}
        self.copies: dict[str, Counts] = {}
        self.configs: dict[str, dict[str, ConfigVar]] = {}  # what every backup has of each app
        self.streams: dict[str, bytes] = {}  # snapshot -> content
        self.directories: dict[str, Counts] = {}
        self.thawed = 0
        self.filled_on: dict[str, str] = {}  # volume -> the runtime for which it was made
        self._number = 0

    async def open(self, target: BackupTarget, *, may_create: bool) -> str:
        self._check()
        if self.password is None and may_create:
            self.password = str(target.password)
        if self.password is None:
            raise BackupTargetUnavailable(f"{target.location} could not be opened", why="nothing is there")
        if self.password != str(target.password):
            raise BackupTargetRefused(f"{target.location} could not be opened", why="wrong password")
        return "a-repository"

    async def learn(self, target: BackupTarget) -> Mapping[str, Secret]:
        return target.keys

    async def store(self, target: BackupTarget, directory: Path, labels: Mapping[str, str]) -> StoredItem:
        self._check()
        self._number += 1
        snapshot = f"snapshot-{self._number}"
        self.stored[snapshot] = (dict(labels), self.directories[directory.name])
        return StoredItem(snapshot=snapshot, added=1000)

    async def store_stream(
        self, target: BackupTarget, pieces: AsyncIterator[bytes], labels: Mapping[str, str]
    ) -> StoredItem:  # fmt: skip
        self._check()
        if self.password != str(target.password):
            raise BackupTargetRefused("the backup was not stored", why="wrong password")
        content = b"".join([piece async for piece in pieces])
        self._number += 1
        snapshot = f"snapshot-{self._number}"
        self.streams[snapshot] = content
        self.stored[snapshot] = (dict(labels), Counts(files=1, bytes=len(content)))
        return StoredItem(snapshot=snapshot, added=len(content))

    async def fetch_stream(self, target: BackupTarget, snapshot: str) -> AsyncGenerator[bytes, None]:
        self._check()
        if snapshot not in self.streams:
            raise BackupDamaged("the backup could not be read back", why="it is gone")
        content = self.streams[snapshot]
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    async def list(self, target: BackupTarget) -> tuple[FoundItem, ...]:
        self._check()
        return tuple(FoundItem(snapshot=name, at=AT, labels=labels) for name, (labels, _) in self.stored.items())

    async def fetch(self, target: BackupTarget, snapshot: str, into: Path) -> None:
        self._check()
        if snapshot not in self.stored:
            raise BackupDamaged("the backup could not be read back", why="it is gone")
        self.directories[into.name] = self.stored[snapshot][1]

    async def forget(self, target: BackupTarget, snapshots: tuple[str, ...]) -> None:
        for snapshot in snapshots:
            del self.stored[snapshot]

    async def size(self, target: BackupTarget) -> int:
        return sum(counts.bytes for _, counts in self.stored.values())

    async def begin(self, name: str) -> Path:
        self.directories[name] = Counts()
        return Path("/passing", name)

    async def end(self, name: str) -> None:
        self.directories.pop(name, None)

    async def clear(self) -> None:
        self.directories.clear()

    async def collect_server(self, into: Path) -> None:
        self.directories[into.name] = Counts(files=3, bytes=3000, databases=1, rows=10)

    async def count(self, directory: Path) -> Counted:
        return Counted(counts=self.directories[directory.name])

    async def check_server(self, directory: Path) -> tuple[str, ...]:
        return ()

    async def config_of(self, directory: Path, app: str) -> Mapping[str, ConfigVar]:
        return self.configs.get(app, {})

    async def free(self) -> int:
        return 10**12

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        self.directories[into.parent.name] = self.content.get(id, Counts(files=1, bytes=100))
        if while_frozen is None:
            return 0.0
        async with while_frozen:
            return 0.25

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        self.filled_on[id] = runtime
        if id in self._supervisor.stored_volumes:
            raise VolumeExists(f"the volume {id} was not restored", why="it is there")
        self._supervisor.stored_volumes[id] = app
        self.content[id] = replace(self.directories[content.parent.name])

    async def thaw(self) -> None:
        self.thawed += 1

    def _check(self) -> None:
        if not self.is_there:
            raise BackupTargetUnavailable("the target does not answer", why="no route to host")
