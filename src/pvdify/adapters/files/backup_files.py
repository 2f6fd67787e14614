"""The ``backup_files`` port: temporary directories in the data directory where backups are made and restored."""

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pvdify import __version__
from pvdify.adapters.files import databases, server_data
from pvdify.adapters.files.server_data import ABOUT, DATA, DATABASE, FORMAT, SETTINGS, WORK, BackupDescription
from pvdify.adapters.files.whole_file import write_whole
from pvdify.errors import StoreUnavailable, storage_error
from pvdify.model.backup import Counts
from pvdify.model.config import ConfigVar
from pvdify.ports.backups import Counted

ResultT = TypeVar("ResultT")
PASSING = "passing"


class BackupFilesOnDisk:
    """The backup files of one server.

    Args:
        data_dir: the data directory, which is backed up and contains the temporary directories.
        settings_file: the server's settings; backed up if the file exists.
        copy_database: copies a database as it is at one moment, and returns the version of its schema.
        locked: returns sentences about files of a restored data directory that its own keys cannot decrypt.
        config: reads the newest config of an app in a restored data directory.
    """

    def __init__(
        self, *, data_dir: Path, settings_file: Path, copy_database: Callable[[Path, Path], int],
        locked: Callable[[Path], tuple[str, ...]], config: Callable[[Path, str], Mapping[str, ConfigVar]],
    ) -> None:  # fmt: skip
        self._data_dir = data_dir
        self._settings_file = settings_file
        self._copy_database = copy_database
        self._locked = locked
        self._config = config
        self._passing = data_dir / WORK / PASSING

    async def begin(self, name: str) -> Path:
        return await self._do(self._begin, name)

    async def end(self, name: str) -> None:
        await self._do(_remove, self._passing / name)

    async def clear(self) -> None:
        await self._do(_remove, self._passing)

    async def collect_server(self, into: Path) -> None:
        await self._do(self._collect, into)

    async def count(self, directory: Path) -> Counted:
        return await self._do(self._count, directory)

    async def check_server(self, directory: Path) -> tuple[str, ...]:
        return await self._do(lambda: tuple(self._problems(directory)))

    async def config_of(self, directory: Path, app: str) -> Mapping[str, ConfigVar]:
        return await self._do(self._config, directory / DATA, app)

    async def free(self) -> int:
        return await self._do(lambda: shutil.disk_usage(self._data_dir).free)

    async def _do(self, work: Callable[..., ResultT], *arguments: object) -> ResultT:
        try:
            return await asyncio.to_thread(work, *arguments)
        except (OSError, sqlite3.Error) as error:
            cause = error if isinstance(error, OSError) else OSError(str(error))
            raise storage_error(
                StoreUnavailable, "the files of a backup cannot be written or read", cause,
                next=f"check that the disk of {self._data_dir} is not full or read-only",
            ) from error  # fmt: skip

    def _begin(self, name: str) -> Path:
        directory = self._passing / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700, parents=True)
        return directory

    def _collect(self, into: Path) -> None:
        names = [DATABASE]
        schema = self._copy_database(self._data_dir / DATABASE, into / DATABASE)
        if self._settings_file.exists():
            shutil.copyfile(self._settings_file, into / SETTINGS)
            names.append(SETTINGS)
        # Copied after the database: the files that its records name exist by then and are never changed.
        for path in server_data.data_files(self._data_dir, with_keys=True):
            name = f"{DATA}{path}"
            (into / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(into / name, (self._data_dir / path).read_bytes())
            names.append(name)
        about = BackupDescription(
            format=FORMAT, version=__version__, schema=schema, has_keys=True,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            checksums=server_data.checksums({name: (into / name).read_bytes() for name in names}),
        )  # fmt: skip
        write_whole(into / ABOUT, json.dumps(asdict(about), indent=2).encode())

    def _count(self, directory: Path) -> Counted:
        counts, damage = Counts(), []
        for path in _files(directory):
            size = path.lstat().st_size
            rows, is_database = 0, size >= len(databases.MAGIC) and databases.is_database(path)
            if is_database:
                rows, problem = databases.check(path, self._passing)
                if problem:
                    damage.append(f"the SQLite database {path.relative_to(directory)} is damaged: {problem}")
            counts = Counts(
                files=counts.files + 1, bytes=counts.bytes + size, empty=counts.empty + (size == 0),
                databases=counts.databases + is_database, rows=counts.rows + rows,
            )  # fmt: skip
        return Counted(counts=counts, damage=tuple(damage))

    def _problems(self, directory: Path) -> Iterator[str]:
        try:
            about, found = server_data.read_directory(directory)
        except (ValueError, TypeError) as error:
            yield f"its {ABOUT} cannot be read: {error}"
            return
        changed = sorted({name for name, _ in set(about.checksums.items()) ^ set(server_data.checksums(found).items())})
        if changed:
            yield f"{changed[0]} is not as it was written" + (f", and {len(changed) - 1} more" if changed[1:] else "")
        if DATABASE not in found:
            yield "it has no database"
            return
        _, damage = databases.check(directory / DATABASE, directory)
        if damage:
            yield f"its database is damaged: {damage}"
            return
        yield from _missing_config(directory)
        yield from self._locked(directory / DATA)


def _missing_config(directory: Path) -> Iterator[str]:
    """Yield a sentence for each live release whose config is not in the backup."""
    with closing(sqlite3.connect(f"{(directory / DATABASE).as_uri()}?mode=ro&immutable=1", uri=True)) as reading:
        live = reading.execute("SELECT app, config_version FROM releases WHERE status = 'active'").fetchall()
    for app, version in live:
        if version and not (directory / DATA / "config" / app / f"v{version}{server_data.ENCRYPTED}").is_file():
            yield f"the config v{version} of {app} is missing"


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


def _files(directory: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(directory):
        inner.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
