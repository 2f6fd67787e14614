"""``pvdify server restore``: replace the server's data by a backup. The previous data is moved aside, not deleted."""

import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pvdify import settings
from pvdify.adapters.files.earlier_life import ASIDE_FOR_NEW, DATABASE_ID
from pvdify.adapters.files.moves import Moves
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.sqlite.checking import has_identity
from pvdify.adapters.sqlite.copy import count_apps, has_token
from pvdify.adapters.sqlite.queries import migrations
from pvdify.adapters.systemd.server_units import DAEMON
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.io import Io
from pvdify.errors import BackupUnusable, InstallationFailed, NotConfirmed, storage_error
from pvdify.installation import archive, installing, plans, settings_file
from pvdify.installation.carry_out import carry_out
from pvdify.installation.from_target import RESTORING, Target, is_target, keys_for
from pvdify.installation.layout import Layout
from pvdify.installation.machine import Machine
from pvdify.installation.unit_actions import Stop
from pvdify.settings import DEFAULT_FILE, Settings
from pvdify.wire.installation import Restore

ADMIN_TOKEN = "admin.token"  # noqa: S105 - the name of a file
_STAYS = frozenset({"run", "router", "pvdifyd.lock", RESTORING})  # pvdifyd writes the first three anew at each start


def run(order: Restore, machine: Machine, io: Io) -> int:
    """Check the backup and the machine, move the previous data aside, write the backup's files, start the server.

    Raises BackupUnusable, NotConfirmed, MachineNotReady, InvalidSetting, InstallationFailed, RuntimeUnavailable.
    """
    target = _target_of(order, machine, io)
    about, contents = target.read_server() if target else archive.read(Path(order.file))
    wanted = _settings_of(contents)
    layout = installing.layout_of(wanted, machine)
    check_backup(order, about, contents, layout)
    installing.check(machine, wanted, but="database")
    carry_out((Stop(unit=DAEMON),), machine, io)
    aside = put_in_place(contents, layout)
    if aside:
        io.say(f"  what was here is in {aside}")
    missing = target.restore_state(wanted, io) if target else 0
    text = contents.get(archive.SETTINGS, b"").decode()
    done = carry_out(plans.install(layout, settings_file.merged(text or None, plans.ALWAYS)), machine, io)
    apps = count_apps(wanted.data_dir / archive.DATABASE)
    if order.as_json:
        io.show_json({"made_at": about.made_at, "version": about.version, "apps": apps, "aside": str(aside or ""),
                      "missing_volumes": missing, "done": list(done)})  # fmt: skip
        return FAILED if missing else DONE
    io.show(f"the server knows what {order.file} says, of {about.made_at}: {_apps(apps)}")
    io.say("images come from their registries as instances start: `pvdify apps` shows how it goes")
    return FAILED if missing else DONE


def _target_of(order: Restore, machine: Machine, io: Io) -> Target | None:
    """Return the backup target that the order names; None if the order names a file."""
    if not is_target(order.file):
        return None
    return Target(order.file, order.backup, machine.runner, keys_for(order.file, io))


def check_backup(order: Restore, about: archive.BackupDescription, contents: dict[str, bytes], layout: Layout) -> None:
    """Check that the backup can be restored on this machine. Raises BackupUnusable, NotConfirmed."""
    data_dir = layout.settings.data_dir
    if about.schema > len(migrations()):
        raise BackupUnusable(
            f"{order.file} was written by a newer pvdify ({about.version})", next="install that version, then restore"
        )
    is_locked = any(name.endswith(archive.ENCRYPTED) for name in contents)
    if is_locked and not about.has_keys and not (data_dir / "age.key").exists():
        raise BackupUnusable(
            f"{order.file} cannot be opened here: the key of its secrets is neither in it nor on this machine",
            next=f"put the old server's age.key to {data_dir}/age.key (mode 0600), then restore",
        )
    try:
        apps = count_apps(data_dir / archive.DATABASE)
    except sqlite3.Error:
        apps = 0  # an unreadable database is moved aside like the other files
    if apps and not order.is_replacing:
        raise NotConfirmed(
            f"the server here has {_apps(apps)} already, which the backup would replace",
            next="add --replace; existing files are moved aside, not deleted",
        )


def put_in_place(contents: dict[str, bytes], layout: Layout) -> Path | None:
    """Write the backup's files into the data directory. Return the folder with the previous files, None if none moved.

    The files are first written to a temporary folder, so that a full disk is noticed before anything is moved. If a
    move fails, all files are moved back. Raises InstallationFailed.
    """
    data_dir = layout.settings.data_dir
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=data_dir, prefix=archive.ASIDE))
        try:
            _write_all(contents, staged)
            with Moves() as moves:
                aside = _put_aside(data_dir, staged, moves)
                for path in sorted(staged.iterdir()):
                    moves.move(path, data_dir / path.name)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        raise storage_error(
            InstallationFailed, f"the backup cannot be written to {data_dir}", error,
            next="make room there and restore again; `pvdify server install` starts the server as it is",
        ) from error  # fmt: skip
    return aside


def _write_all(contents: dict[str, bytes], directory: Path) -> None:
    """Write every file of the backup. Raises OSError."""
    for name, content in contents.items():
        path = Path(archive.DATABASE) if name == archive.DATABASE else archive.path_in_data(name)
        if path is not None:
            write_whole(directory / path, content)


def _put_aside(data_dir: Path, staged: Path, moves: Moves) -> Path | None:
    """Move the previous files aside and return their new folder, or None if there were none.

    Keys that are valid for the restored database stay, unless the backup contains them.
    """
    coming = {path.name for path in staged.iterdir()}
    there = [
        path
        for path in sorted(data_dir.iterdir())
        if path.name not in _STAYS
        and not path.name.startswith((archive.ASIDE, ASIDE_FOR_NEW))
        and (path.name in coming or not _is_still_good(path, staged / archive.DATABASE))
    ]
    if not there:
        return None
    aside = data_dir / f"{archive.ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%S}"
    aside.mkdir(mode=0o700)
    for path in there:
        moves.move(path, aside / path.name)
    return aside


def _apps(number: int) -> str:
    return "1 app" if number == 1 else f"{number} apps"


def _is_still_good(path: Path, database: Path) -> bool:
    """Return whether a previous key is valid for the restored database; an admin token may be another server's."""
    if path.name == DATABASE_ID:  # old backups have a database without an id, so the previous id file stays
        return not has_identity(database)
    if path.name != ADMIN_TOKEN:
        return archive.is_key(Path(path.name))
    words = path.read_text(encoding="utf-8", errors="replace").strip().split("_")
    return len(words) > 1 and has_token(database, words[1])


def _settings_of(contents: dict[str, bytes]) -> Settings:
    """Return the settings of the server that was backed up. Raises InvalidSetting."""
    with tempfile.TemporaryDirectory(prefix="pvdify-restore-") as folder:
        file = Path(folder, DEFAULT_FILE.name)
        file.write_bytes(contents.get(archive.SETTINGS, b""))
        return settings.load(plans.ALWAYS, {}, file)
