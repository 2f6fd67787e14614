"""``pvdify server backup``: write the server's data to one file. The server may be running."""

import errno
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pvdify import __version__, settings
from pvdify.adapters.files.earlier_life import LAST_BACKUP
from pvdify.adapters.files.whole_file import write_whole
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.errors import BackupExists, InstallationFailed, NotInstalled, storage_error
from pvdify.installation import archive
from pvdify.settings import DEFAULT_FILE, Settings
from pvdify.wire.installation import BackUp


def run(order: BackUp, io: Io) -> int:
    """Write the backup and describe it. Raises BackupExists, NotInstalled, InstallationFailed, InvalidSetting."""
    file = Path(order.file).absolute()
    known = settings.load({}, {}, DEFAULT_FILE)
    about, contents = collect(known, DEFAULT_FILE, with_keys=order.with_keys)
    store(file, contents, about, known.data_dir)
    _show(order, file, about, io)
    return DONE


def store(file: Path, contents: dict[str, bytes], about: archive.BackupDescription, data_dir: Path) -> None:
    """Write the backup, and record its path in the data directory. Raises BackupExists, InstallationFailed."""
    try:
        archive.write(file, contents, about)
        # If the database is lost or damaged, pvdifyd and the doctor name this backup.
        write_whole(data_dir / LAST_BACKUP, f"{file}\n".encode())
    except FileExistsError as error:
        raise BackupExists(f"there is a {file} already", next="choose another name, or remove that file") from error
    except OSError as error:
        raise storage_error(
            InstallationFailed, f"{file} cannot be written", error, next="choose another place"
        ) from error


def collect(
    known: Settings, settings_file: Path, *, with_keys: bool
) -> tuple[archive.BackupDescription, dict[str, bytes]]:
    """Return a backup of the present data: its description, and its files by name.

    Raises NotInstalled, InstallationFailed.
    """
    database = known.data_dir / archive.DATABASE
    if not database.exists():
        raise NotInstalled(f"no server has its data in {known.data_dir}", next="`pvdify server install` makes one")
    contents = {}
    try:
        with tempfile.TemporaryDirectory(dir=known.data_dir, prefix=archive.ASIDE) as folder:
            copy = Path(folder, archive.DATABASE)
            schema = copy_database(database, copy)
            contents[archive.DATABASE] = copy.read_bytes()
        if settings_file.exists():
            contents[archive.SETTINGS] = settings_file.read_bytes()
        # After the database: the files that it refers to exist by now, and never change.
        for path in archive.data_files(known.data_dir, with_keys=with_keys):
            contents[f"{archive.DATA}{path}"] = (known.data_dir / path).read_bytes()
    except (OSError, sqlite3.Error) as error:
        raise storage_error(
            InstallationFailed, f"no copy of {known.data_dir} can be made", _as_os_error(error),
            next="check its disk (`df -h`), and try again",
        ) from error  # fmt: skip
    return _about(contents, schema, with_keys=with_keys), contents


def _as_os_error(error: OSError | sqlite3.Error) -> OSError:
    if isinstance(error, OSError):
        return error
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return OSError(errno.ENOSPC, "") if full else OSError(str(error))


def _about(contents: dict[str, bytes], schema: int, *, with_keys: bool) -> archive.BackupDescription:
    return archive.BackupDescription(
        format=archive.FORMAT,
        version=__version__,
        schema=schema,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        has_keys=with_keys,
        checksums=archive.checksums(contents),
    )


def _show(order: BackUp, file: Path, about: archive.BackupDescription, io: Io) -> None:
    size = file.stat().st_size
    if order.as_json:
        io.show_json({"file": str(file), "bytes": size, "files": len(about.checksums), "has_keys": about.has_keys})
        return
    io.show(f"{file} has {len(about.checksums)} files, {size // 1024} KB; only its owner can read it")
    if about.has_keys:
        io.say("it has the keys: anyone who can read it can read every secret in it")
    else:
        io.say("without keys: keep the server's age.key somewhere else, or use --with-keys")
