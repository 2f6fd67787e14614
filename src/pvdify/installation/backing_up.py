"""``pvdify server backup``: all that the server knows in one file, also while it works."""

import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pvdify import __version__, settings
from pvdify.adapters.sqlite.copy import copy_database
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.errors import BackupExists, InstallationFailed, NotInstalled
from pvdify.installation import archive
from pvdify.installation.archive import About
from pvdify.settings import DEFAULT_FILE, Settings
from pvdify.wire.installation import BackUp


def run(order: BackUp, io: Io) -> int:
    """Write the backup. Raises BackupExists, NotInstalled, InstallationFailed, InvalidSetting."""
    file = Path(order.file).absolute()
    about, contents = collect(settings.load({}, {}, DEFAULT_FILE), DEFAULT_FILE, with_keys=order.with_keys)
    try:
        archive.write(file, contents, about)
    except FileExistsError as error:
        raise BackupExists(f"there is a {file} already", next="choose another name, or remove that file") from error
    except OSError as error:
        raise InstallationFailed(
            f"{file} cannot be written", why=error.strerror or str(error), next="choose another place"
        ) from error
    _show(order, file, about, io)
    return DONE


def collect(known: Settings, settings_file: Path, *, with_keys: bool) -> tuple[About, dict[str, bytes]]:
    """What the server knows at this moment. Raises NotInstalled, InstallationFailed."""
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
        # After the database: what it speaks of is there already, and is never changed.
        for path in archive.data_files(known.data_dir, with_keys=with_keys):
            contents[f"{archive.DATA}{path}"] = (known.data_dir / path).read_bytes()
    except (OSError, sqlite3.Error) as error:
        raise InstallationFailed(
            f"{known.data_dir} cannot be read", why=str(error), next="look whether its disk is full, and try again"
        ) from error
    return _about(contents, schema, with_keys=with_keys), contents


def _about(contents: dict[str, bytes], schema: int, *, with_keys: bool) -> About:
    return About(
        format=archive.FORMAT,
        version=__version__,
        schema=schema,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        has_keys=with_keys,
        checksums=archive.checksums(contents),
    )


def _show(order: BackUp, file: Path, about: About, io: Io) -> None:
    size = file.stat().st_size
    if order.as_json:
        io.show_json({"file": str(file), "bytes": size, "files": len(about.checksums), "has_keys": about.has_keys})
        return
    io.show(f"{file} has {len(about.checksums)} files, {size // 1024} KB; only its owner can read it")
    if about.has_keys:
        io.say("it has the keys: whoever can read it can read every secret in it")
    else:
        io.say("without keys: keep the server's age.key somewhere else, or use --with-keys")
