"""Restore a lost server from its backup target alone: the server's data, then the volumes of its apps.

Both are restored before pvdifyd starts. For services, only an order is recorded: pvdifyd loads the dump of each service
before the service's apps can reach it.
"""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pvdify.adapters.files import server_data
from pvdify.adapters.files.backup_files import BackupFilesOnDisk
from pvdify.adapters.podman import commands
from pvdify.adapters.podman.labels import private_network_of
from pvdify.adapters.podman.networks.networks import Networks
from pvdify.adapters.podman.volumes.volume_copies import PodmanVolumeCopies
from pvdify.adapters.restic.targets import ResticTargets
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.cli.commands.backups_target import parse_keys, read_keys
from pvdify.cli.io import Io, typed
from pvdify.engine.state.backups import lost_server
from pvdify.errors import BackupDamaged, BackupNotFound, InvalidBackupTarget, PvdifyError, VolumeExists
from pvdify.installation import archive
from pvdify.model.instance import Secret
from pvdify.model.runtime_choice import CLUSTER
from pvdify.model.service import Order, OrderKind, Service, can_be_dumped
from pvdify.model.token import PVDIFY
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed
from pvdify.ports.backups import BackupTarget, FoundItem
from pvdify.settings import DEFAULT_FILE, Settings

PASSWORD = "RESTIC_PASSWORD"  # noqa: S105 - the name of a key
DATA = "data"
RESTORING = "restoring"  # in the data directory: a file for each volume that is not whole yet
PODMAN_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume in the restored database. ``is_in_cluster``: its app runs in a cluster, which still has it."""

    id: str
    app: str
    name: str
    is_in_cluster: bool = False


def is_target(text: str) -> bool:
    """Return whether the text names a backup target, not a file that ``server backup`` wrote."""
    return text.startswith(("sftp:", "s3:")) or (Path(text).is_dir() and Path(text, "keys").is_dir())


class Target:
    """The target of a lost server's backups. Raises InvalidBackupTarget if the password is missing.

    Args:
        location: the target's location.
        backup: the id of a backup; "" for the newest.
        runner: starts restic and podman.
        keys: the target's password and credentials, by name.
    """

    def __init__(self, location: str, backup: str, runner: CommandRunner, keys: Mapping[str, str]) -> None:
        if not keys.get(PASSWORD):
            raise InvalidBackupTarget(
                f"{location} cannot be opened", why="its password was not given",
                next=f"the line {PASSWORD}=… on stdin; it was shown when the target was set",
            )  # fmt: skip
        others = {name: Secret(value) for name, value in keys.items() if name != PASSWORD}
        self._target = BackupTarget(location=location.rstrip("/"), password=Secret(keys[PASSWORD]), keys=others)
        self._backup = backup
        self._runner = runner
        self._found: tuple[FoundItem, ...] = ()

    def read_server(self) -> tuple[archive.BackupDescription, dict[str, bytes]]:
        """Return the description and the files of the chosen backup of the server.

        Raises BackupNotFound, BackupUnusable, BackupDamaged, UnavailableError.
        """
        with (
            tempfile.TemporaryDirectory(prefix="pvdify-restore-", dir="/var/tmp") as scratch,
            tempfile.TemporaryDirectory(prefix="pvdify-restore-", dir="/run") as in_memory,
        ):
            (folder := Path(scratch, "server")).mkdir()
            chosen = asyncio.run(self._fetch_server(folder, self._targets(Path(scratch), Path(in_memory))))
            try:
                about, contents = server_data.read_directory(folder)
            except (OSError, ValueError, TypeError) as error:
                raise BackupDamaged(
                    f"the backup {chosen} cannot be read", why=str(error), next="choose an older one with --backup ID"
                ) from error
        archive.check_whole(f"the backup {chosen}", about, contents)
        return about, contents

    def restore_state(self, known: Settings, io: Io) -> int:
        """Restore volumes and order the restore of services; print each result. Return how many cannot be restored."""
        return asyncio.run(self._restore_state(known, io))

    async def _fetch_server(self, folder: Path, targets: ResticTargets) -> str:
        self._found = await targets.list(self._target)
        servers = [it for it in self._found if it.labels.get("kind") == "server"]
        chosen = next((it for it in reversed(servers) if self._backup in ("", it.labels.get("backup"))), None)
        if chosen is None:
            there = ", ".join(it.labels.get("backup", "") for it in servers) or "none"
            raise BackupNotFound(
                f"{self._target.location} has no backup {self._backup}".rstrip(), why=f"it has {there}",
                next="choose one with --backup ID, or another target",
            )  # fmt: skip
        self._backup = chosen.labels.get("backup", "")
        await targets.fetch(self._target, chosen.snapshot, folder)
        return self._backup

    async def _restore_state(self, known: Settings, io: Io) -> int:
        store = SqliteStore(known.data_dir / archive.DATABASE)
        await store.open()
        try:
            services = await _dumped_services(store)
            missing = [it for it in services if not await self._order(it, store, io)]
            parts = [it for it in self._found if it.labels.get("backup") == self._backup]
            await lost_server.end_work(store, self._backup, parts, datetime.now(UTC))
            await self._make_networks(known, store)
        finally:
            await store.close()
        return len(missing) + await self._restore_volumes(known, frozenset(it.key for it in services), io)

    async def _make_networks(self, known: Settings, store: SqliteStore) -> None:
        """Make the networks of service links before pvdifyd starts.

        Otherwise podman could use their subnets for the networks of apps that start first.
        """
        networks = Networks(run=self._podman, server_id=known.server_id, binary=known.podman_binary)
        for link in await store.service_links():
            if (await self._podman(networks.private_creation(link.network))).exit_code == 0:
                continue
            await networks.make_private(link.network.id)  # unless it exists, with another subnet: the old one is taken
            name = private_network_of(known.server_id, link.network.id)
            answer = await self._podman(commands.ask_for_subnet(known.podman_binary, name))
            if answer.exit_code == 0 and answer.stdout.strip() != link.subnet:
                await store.save(replace(link, subnet=answer.stdout.strip()))

    async def _order(self, service: Service, store: SqliteStore, io: Io) -> bool:
        """Record an order for pvdifyd to restore the service first; return whether a backup contains the service."""
        item = self._item_of(service.id)
        if item is None:
            io.say(f"  the service {service.name} is NOT restored: no backup has it, so it begins empty")
            return False
        order = Order(kind=OrderKind.RESTORE, by=PVDIFY.name, backup=item.labels["backup"], source=service.id)
        await store.save(replace(service, pending=order, copy_of="", failure=""))
        io.say(f"  restore the service {service.name}, as soon as its image is here: {item.at:%Y-%m-%d %H:%M}Z")
        return True

    async def _restore_volumes(self, known: Settings, dumped: frozenset[str], io: Io) -> int:
        work = known.data_dir / server_data.WORK
        files = BackupFilesOnDisk(
            data_dir=known.data_dir,
            settings_file=DEFAULT_FILE,
            copy_database=copy_database,
            locked=lambda _: (),
            config=lambda *_: {},
        )
        copies = PodmanVolumeCopies(
            run=self._podman, server_id=known.server_id, binary=known.podman_binary, mark=work / "paused"
        )
        targets, missing = self._targets(work / "run", known.run_dir), 0
        for volume in [it for it in _volumes_in(known.data_dir / archive.DATABASE) if it.app not in dumped]:
            if volume.is_in_cluster or known.runtime == CLUSTER:
                io.say(f"  the volume {volume.name} of {volume.app} is in the cluster, and is not touched")
                continue
            mark = known.data_dir / RESTORING / volume.id
            try:
                io.say(f"  {await self._restore_volume(volume, files, copies, targets, mark)}")
            except VolumeExists:
                if _is_set(mark):
                    missing += 1
                    io.say(f"  the volume {volume.name} of {volume.app} is NOT whole: an earlier restore was cut off; "
                           f"`podman volume rm {volume.id}`, then restore again")  # fmt: skip
                else:
                    io.say(f"  the volume {volume.name} of {volume.app} is here already, and stays as it is")
            except PvdifyError as error:
                missing += 1
                io.say(f"  the volume {volume.name} of {volume.app} is NOT restored: {error.what}: {error.why}")
        await files.clear()
        return missing

    async def _restore_volume(
        self, volume: Volume, files: BackupFilesOnDisk, copies: PodmanVolumeCopies, targets: ResticTargets,
        mark: Path,
    ) -> str:  # fmt: skip
        item = self._item_of(volume.id)
        if item is None:
            raise BackupNotFound("no backup has it", why="it was made after them, or never stored")
        directory = await files.begin(volume.id)
        try:
            await targets.fetch(self._target, item.snapshot, directory)
            counted = (await files.count(directory)).counts
            if item.labels.get("files") != str(counted.files) or item.labels.get("bytes") != str(counted.bytes):
                raise BackupDamaged(
                    "its backup is incomplete", why=f"{counted.files} files, {counted.bytes} bytes came"
                )
            await fill(volume, directory / DATA, copies, mark)
        finally:
            await files.end(volume.id)
        of = "" if item.labels.get("backup") == self._backup else f", as of {item.at:%Y-%m-%d %H:%M}Z"
        return f"restore the volume {volume.name} of {volume.app}: {counted.files} files{of}"

    def _item_of(self, id: str) -> FoundItem | None:
        """Return the newest snapshot of a volume or service that is not newer than the chosen backup, or None."""
        until = max(it.at for it in self._found if it.labels.get("backup") == self._backup)
        found = [it for it in self._found if it.labels.get("id") == id and it.at <= until]
        return found[-1] if found else None

    def _targets(self, disk: Path, run_dir: Path) -> ResticTargets:
        """``run_dir``: on a file system in memory, as it gets the target's keys."""
        return ResticTargets(runner=self._runner, cache=disk / "cache", run_dir=run_dir)

    async def _podman(self, argv: Argv) -> Completed:
        return await self._runner.run(argv, timeout=PODMAN_SECONDS)


async def fill(volume: Volume, content: Path, copies: PodmanVolumeCopies, mark: Path) -> None:
    """Copy the content into a new volume; while ``mark`` exists, the volume is not whole.

    After an error the volume is empty again. Raises VolumeExists, BackupFailed, RuntimeUnavailable.
    """
    target = await copies.new_directory(volume.app, volume.id)
    _set(mark)
    try:
        await copies.copy_in(volume.app, volume.id, content)
    except PvdifyError:
        _empty(target)
        _unset(mark)
        raise
    _unset(mark)


def _set(mark: Path) -> None:
    mark.parent.mkdir(mode=0o700, exist_ok=True)
    mark.touch()


def _is_set(mark: Path) -> bool:
    return mark.exists()


def _unset(mark: Path) -> None:
    mark.unlink()


def _empty(directory: Path) -> None:
    for each in directory.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def keys_for(location: str, io: Io) -> dict[str, str]:
    """Read the target's password and credentials from stdin; at a terminal, ask for them. Raises click.UsageError."""
    if not io.is_stdin_terminal:
        return parse_keys(typed(io.stdin.read))
    return {PASSWORD: io.ask_secret("password of the backups: "), **read_keys(location, io)}


async def _dumped_services(store: SqliteStore) -> tuple[Service, ...]:
    return tuple(it for it in await store.services() if not it.is_trashed and can_be_dumped(it))


def _volumes_in(database: Path) -> tuple[Volume, ...]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as reading:
        columns = {name for _, name, *_ in reading.execute("PRAGMA table_info(slots)")}
        there: set[str] = set()
        if "runtime" in columns:  # since migration 30
            live = reading.execute("SELECT app FROM slots WHERE state = 'live' AND runtime = ?", (CLUSTER,))
            there = {app for (app,) in live}
        rows = reading.execute("SELECT id, app, name FROM volumes WHERE trashed_at IS NULL ORDER BY app, name")
        return tuple(Volume(id=id, app=app, name=name, is_in_cluster=app in there) for id, app, name in rows)
