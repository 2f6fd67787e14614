"""Traces in a data directory of a server that ran there before, and copies of that server's database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DATABASE, DATABASE_ID, LAST_BACKUP = "pvdify.db", "database.id", "last-backup"
ASIDE_FOR_RESTORE, ASIDE_FOR_NEW = "before-restore-", "before-new-database-"  # folders with the previous data


@dataclass(frozen=True, kw_only=True)
class DatabaseCopy:
    """A file with an earlier state of the database. ``is_backup``: ``pvdify server restore`` accepts it."""

    file: Path
    made_at: datetime
    is_backup: bool


def traces_in(data_dir: Path) -> tuple[str, ...]:
    """Describe the files that only a server that has run leaves in its data directory, without the database itself."""
    return tuple(_traces(data_dir))


def newest_copy(data_dir: Path) -> DatabaseCopy | None:
    """Return the last backup if its file exists, else the newest copy that an upgrade or a restore has kept."""
    try:
        backup = Path((data_dir / LAST_BACKUP).read_text(encoding="utf-8").strip())
        if backup.is_absolute() and backup.is_file():
            return _copy(backup, is_backup=True)
    except OSError:
        pass  # no backup was ever made
    patterns = (f"{DATABASE}.before-v*", f"{ASIDE_FOR_RESTORE}*/{DATABASE}", f"{ASIDE_FOR_NEW}*/{DATABASE}")
    found = [path for pattern in patterns for path in data_dir.glob(pattern) if not path.name.endswith(".new")]
    return max((_copy(path, is_backup=False) for path in found), key=lambda copy: copy.made_at, default=None)


def _copy(file: Path, *, is_backup: bool) -> DatabaseCopy:
    return DatabaseCopy(
        file=file, made_at=datetime.fromtimestamp(file.stat().st_mtime, UTC), is_backup=is_backup
    )  # fmt: skip


def _traces(data_dir: Path) -> Iterator[str]:
    if (data_dir / DATABASE_ID).exists():
        yield f"the id of its database ({DATABASE_ID})"
    if (data_dir / "age.key").exists():
        yield "the key of its secrets (age.key)"
    for folder, noun in (("config", "config files"), ("credentials", "credentials")):
        if files := [path for path in (data_dir / folder).rglob("*") if path.is_file()]:
            yield f"{len(files)} {noun} ({folder}/)"
    if apps := _routed_apps(data_dir / "router" / "hosts.map"):
        yield f"routes of {', '.join(apps)} (router/)"


def _routed_apps(hosts: Path) -> list[str]:
    try:
        lines = hosts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return sorted({words[1] for line in lines if len(words := line.split()) > 1 and not line.startswith("#")})
