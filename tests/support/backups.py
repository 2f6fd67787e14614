"""A server's backups with the real restic, database, keys and files; only volumes are plain directories."""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from pathlib import Path

from pvdify.adapters.files.backup_files import BackupFilesOnDisk
from pvdify.adapters.restic.targets import ResticTargets
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.daemon.backup_tools import config_in, locked_files
from pvdify.daemon.bootstrap import build_encrypted
from pvdify.engine.state.backups.tools import BackupTools
from pvdify.engine.wiring import build_engine
from pvdify.engine.world import World
from pvdify.model.app import App
from pvdify.model.backup import Backup, BackupTask
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.volume import AppVolume
from tests.fakes.clock import FakeClock
from tests.fakes.machine import Machine
from tests.support.asking import ACTOR

APP, VOLUME = "shop", "data"
ROWS = 500


class DirectoryVolumes:
    """Volumes that are directories, and copies of them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def of(self, id: str) -> Path:
        return self.root / id

    async def find(self) -> Mapping[str, str]:
        return {path.name: path.name.split("-")[0] for path in self.root.iterdir()}

    async def size(self, id: str) -> int | None:
        return sum(path.stat().st_size for path in self.of(id).rglob("*") if path.is_file())

    async def remove(self, id: str) -> None:
        shutil.rmtree(self.of(id), ignore_errors=True)

    async def copy_out(
        self, id: str, into: Path, *, while_frozen: AbstractAsyncContextManager[None] | None
    ) -> float:  # fmt: skip
        shutil.copytree(self.of(id), into, symlinks=True)
        return 0.0

    async def copy_in(self, app: str, id: str, content: Path, *, runtime: str = "") -> None:
        shutil.copytree(content, self.of(id), symlinks=True)

    async def thaw(self) -> None:
        pass


class BackupBench:
    """One server with an app that has a volume, and a directory as the target of its backups."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data_dir, self.target = directory / "data", directory / "target"
        for each in (self.data_dir, self.target, directory / "volumes"):
            each.mkdir(parents=True)
        self.clock = FakeClock(is_automatic=False)
        machine = Machine(self.clock, data_dir=str(self.data_dir), min_free_disk="1M")
        self.volumes = DirectoryVolumes(directory / "volumes")
        self.store = SqliteStore(self.data_dir / "pvdify.db")
        encrypted = build_encrypted(machine.settings)
        encrypted.vault.make_key_if_none_was_needed()
        self.encrypted = encrypted
        self.daemon = machine.daemon()
        self.world: World = replace(
            self.daemon.world, store=self.store, credentials=encrypted.credentials, secrets=encrypted.config,
            volumes=self.volumes,
        )  # fmt: skip
        self.tools = BackupTools(
            targets=ResticTargets(
                runner=SubprocessRunner(), cache=directory / "cache", run_dir=directory / "run"
            ),
            files=BackupFilesOnDisk(
                data_dir=self.data_dir, settings_file=directory / "none.toml", copy_database=copy_database,
                locked=locked_files, config=config_in,
            ),
            copies=self.volumes,
        )  # fmt: skip
        self._wire()

    @property
    def content(self) -> Path:
        """What the app's volume has."""
        return self.volumes.of(f"{APP}-{VOLUME}-1")

    async def begin(self) -> None:
        """An app with a database and files on its volume, and a target."""
        await self.store.open()
        now = self.clock.now()
        await self.store.save(
            App(name=APP, created_at=now, updated_at=now),
            AppVolume(id=f"{APP}-{VOLUME}-1", app=APP, name=VOLUME, created_at=now),
        )
        await self.encrypted.config.write(APP, 1, {"KEY": ConfigVar(value=Secret("a secret"))})
        self.content.mkdir()
        fill(self.content)
        await self.requests.set_target(str(self.target), {}, ACTOR)

    async def backup(self) -> Backup:
        """Make one; the newest backup."""
        await self.requests.run(ACTOR)
        await self._run_due()
        return (await self.store.backups())[0]

    async def drill(self) -> BackupTask:
        """Prove the newest; what was found."""
        await self.requests.verify("", ACTOR, accepts_smaller=False)
        await self._run_due()
        return (await self.store.backup_tasks())[0]

    async def remember(self) -> None:
        """Keep target and records as they are now, for ``reset``."""
        shutil.copytree(self.target, self.directory / "kept-target")
        await self.store.close()
        shutil.copytree(self.data_dir, self.directory / "kept-data")
        shutil.copytree(self.content, self.directory / "kept-content")
        await self._open()

    async def reset(self) -> None:
        """Have everything as it was remembered."""
        await self.store.close()
        for name, place in (("target", self.target), ("data", self.data_dir), ("content", self.content)):
            if place.is_file():
                place.unlink()
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(self.directory / f"kept-{name}", place)
        shutil.rmtree(self.directory / "cache", ignore_errors=True)
        await self._open()

    async def close(self) -> None:
        await self.store.close()

    async def _open(self) -> None:
        self.store = SqliteStore(self.data_dir / "pvdify.db")
        self.world = replace(self.world, store=self.store)
        await self.store.open()
        self._wire()

    def _wire(self) -> None:
        wired = build_engine(self.world, replace(self.daemon.outside, backup_tools=self.tools))
        self.requests, self.keeper = wired.engine.backups, wired.keeper

    async def _run_due(self) -> None:
        self.clock.jump(1)
        await self.keeper.run_due()
        self.clock.jump(1)


def fill(content: Path) -> None:
    """A database with rows, and files."""
    with closing(sqlite3.connect(content / "app.db")) as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, text TEXT)")
        orders = [(f"order {number}" * 20,) for number in range(ROWS)]
        database.executemany("INSERT INTO orders (text) VALUES (?)", orders)
        database.commit()
    for number in range(30):
        (content / f"upload-{number}.bin").write_bytes(bytes([number]) * 4000)
