"""Open the database at start-up. Refuse a damaged one, or an empty one if there was another before.

The reconciler compares containers with the records; with an empty database it would remove all as orphans.
"""

import asyncio
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import structlog

from pvdify.adapters.files.earlier_life import (
    ASIDE_FOR_NEW,
    DATABASE,
    DATABASE_ID,
    DatabaseCopy,
    newest_copy,
    traces_in,
)
from pvdify.adapters.files.moves import Moves
from pvdify.adapters.files.reserve import Reserve
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.podman import commands, parse
from pvdify.adapters.sqlite import checking
from pvdify.adapters.sqlite.store import SqliteStore
from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.errors import DatabaseExists, DatabaseMissing, PvdifyError, StoreDamaged, StoreUnavailable, naming_cause
from pvdify.model.database import DatabaseIdentity
from pvdify.settings import DEFAULT_DATA_DIR, Settings

log = structlog.get_logger()
LIST_SECONDS = 30.0
SHOWN = 5  # container names shown in a message
PUT_ASIDE = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", DATABASE_ID, "config", "admin.token")


async def open_database(settings: Settings) -> tuple[SqliteStore, DatabaseIdentity]:
    """Open the database that belongs to this data directory; a new one if there was none before.

    Raises DatabaseMissing, StoreDamaged, StoreUnavailable.
    """
    await _check(settings)
    return await _open(settings)


async def begin_anew(settings: Settings) -> None:
    """Make an empty database. Move files of an earlier one aside; its containers keep running.

    Raises DatabaseExists if there is an undamaged one, StoreUnavailable.
    """
    file, known = settings.data_dir / DATABASE, None
    try:
        await _check(settings)
    except (DatabaseMissing, StoreDamaged) as error:
        known = error
    if known is None and checking.is_there(file):
        raise DatabaseExists(
            f"there is a whole database in {settings.data_dir} already; nothing was changed",
            next=f"start pvdifyd as ever; to begin anew all the same, move {file} away first",
        )
    with _writing(settings):
        aside = await asyncio.to_thread(_put_aside, settings.data_dir)
    store = SqliteStore(file, Reserve(settings.data_dir).release)
    await store.open()
    if known is not None:
        await store.set_apart()
    identity = await store.identity()
    await store.close()
    with _writing(settings):
        await asyncio.to_thread(write_whole, settings.data_dir / DATABASE_ID, f"{identity.id}\n".encode())
    log.info("database.begun", file=str(file), id=identity.id, aside=str(aside or ""))


async def _open(settings: Settings) -> tuple[SqliteStore, DatabaseIdentity]:
    """Open the database and migrate its schema; a database without an id gets the directory's id."""
    file, id_file = settings.data_dir / DATABASE, settings.data_dir / DATABASE_ID
    expected = _read(id_file)
    had_identity = checking.is_there(file) and await asyncio.to_thread(checking.has_identity, file)
    store = SqliteStore(file, Reserve(settings.data_dir).release)
    await store.open()
    if expected and not had_identity:
        await store.take_identity(expected)
    identity = await store.identity()
    if expected != identity.id:
        with _writing(settings):
            await asyncio.to_thread(write_whole, id_file, f"{identity.id}\n".encode())
    return store, identity


async def _check(settings: Settings) -> None:
    """Check the database file and its id. Raises DatabaseMissing, StoreDamaged, StoreUnavailable."""
    file = settings.data_dir / DATABASE
    if not checking.is_there(file):
        traces = (*traces_in(settings.data_dir), *_containers(await containers_here(settings)))
        if traces:
            raise _missing(settings, f"there is no database {file}", traces)
        return
    try:
        damage = await asyncio.to_thread(checking.damage, file)
        is_known = damage is None and await asyncio.to_thread(checking.has_identity, file)
        identity = await asyncio.to_thread(checking.read_identity, file) if is_known else None
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"the database {file} cannot be read", why=str(error), next="check its disk") from error
    if damage is not None:
        raise StoreDamaged(
            f"the database {file} is damaged, so pvdifyd did not start; running apps keep running",
            why=f"SQLite says: {damage}", next=_way_out(settings),
        )  # fmt: skip
    expected = _read(settings.data_dir / DATABASE_ID)
    if identity is not None and expected and expected != identity:
        raise _missing(
            settings, f"the database {file} is not the one that was here",
            (f"its id is {identity}, and {DATABASE_ID} has {expected}",),
        )  # fmt: skip


async def containers_here(settings: Settings) -> tuple[str, ...]:
    """Return the names of this server's containers, of any database; none if podman does not answer."""
    argv = commands.list_containers(settings.podman_binary, settings.server_id)
    try:
        done = await SubprocessRunner().run(argv, timeout=LIST_SECONDS)
        return tuple(sorted(each.identity.name for each in parse.listed(done.stdout))) if done.exit_code == 0 else ()
    except (PvdifyError, ValueError):
        return ()


def _missing(settings: Settings, what: str, traces: Iterable[str]) -> DatabaseMissing:
    return DatabaseMissing(
        f"{what}, but this server has run before; pvdifyd did not start; running apps keep running",
        why=f"found: {'; '.join(traces)}",
        next=_way_out(settings),
    )


def _way_out(settings: Settings) -> str:
    copy = newest_copy(settings.data_dir)
    own = "" if settings.data_dir == DEFAULT_DATA_DIR else f" --data-dir {settings.data_dir}"
    return (
        f"{_restoring(copy, settings.data_dir / DATABASE)}; or begin with an empty database on purpose: "
        f"`pvdifyd{own} --new-database`, which puts aside what is left and removes no container"
    )


def _restoring(copy: DatabaseCopy | None, database: Path) -> str:
    if copy is None:
        return "`pvdify server restore FILE` restores a backup; no newer copy is known here"
    if copy.is_backup:
        return f"`pvdify server restore {copy.file}` restores the newest backup, of {copy.made_at:%Y-%m-%d %H:%M} UTC"
    return (
        "`pvdify server restore FILE` restores a backup; the newest copy here, of "
        f"{copy.made_at:%Y-%m-%d %H:%M} UTC, is {copy.file}: copy it to {database} to go on from there"
    )


def _containers(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return ()
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (f"{len(names)} containers ({', '.join(names[:SHOWN])}{more})",)


def _writing(settings: Settings) -> AbstractContextManager[None]:
    return naming_cause(
        StoreUnavailable, f"{settings.data_dir} cannot be written", next="correct the permissions of the directory"
    )


def _put_aside(data_dir: Path) -> Path | None:
    """Move files of the earlier database into a new folder beside them; return it, or None. Raises OSError."""
    there = [data_dir / name for name in PUT_ASIDE if (data_dir / name).exists()]
    if not there:
        return None
    aside = data_dir / f"{ASIDE_FOR_NEW}{datetime.now(UTC):%Y%m%dT%H%M%S}"
    aside.mkdir(mode=0o700)
    with Moves() as moves:
        for path in there:
            moves.move(path, aside / path.name)
    return aside


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
