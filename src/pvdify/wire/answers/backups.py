"""Response types about backups."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class BackupItem:
    """One part of a backup.

    ``kind``: ``server``, ``volume`` or ``service``. ``files``, ``bytes``, ``rows`` (of databases; keys of Redis): null
    if unknown. ``added``: bytes that were uploaded. ``held``: seconds for which the app was stopped for the copy.
    ``problem``: why the part is incomplete.
    """

    kind: str
    app: str
    name: str
    files: int | None
    bytes: int | None
    rows: int | None
    added: int
    held: float
    problem: str


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One backup of the server.

    ``state``: ``running``, ``stored``, ``incomplete``, ``failed`` or ``gone`` (no longer at the target). ``proven_at``:
    the last time a test restore succeeded. ``problems``: what the last failed test restore found.
    """

    id: str
    state: str
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    bytes: int
    cause: str
    drilled_at: datetime | None
    proven_at: datetime | None
    problems: list[str]
    items: list[BackupItem]


@dataclass(frozen=True, kw_only=True)
class BackupTarget:
    """The place where backups are stored, and their schedule.

    ``schedule``, ``drills``: cron fields, empty for never. ``size``: bytes stored there. ``trouble``: why the last
    backup or test restore failed. ``password``: the encryption password, only in the answer that created it. Without
    this password and without this server, no backup can be read.
    """

    location: str
    schedule: str
    drills: str
    time_zone: str
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    size: int | None
    trouble: str
    next_backup_at: datetime | None
    next_drill_at: datetime | None
    password: str | None = None


@dataclass(frozen=True, kw_only=True)
class BackupTask:
    """Work on backups. ``kind``: ``backup``, ``verify`` or ``restore``.

    ``state``: ``queued``, ``running``, ``succeeded``, ``failed`` or ``interrupted``. ``log``: the lines written so far.
    """

    id: str
    kind: str
    state: str
    is_over: bool
    backup: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None
    log: list[str]
    cause: str


@dataclass(frozen=True, kw_only=True)
class Backups:
    """GET /backups. ``target``: null if none is set; ``tasks``: newest first."""

    target: BackupTarget | None
    backups: list[Backup]
    tasks: list[BackupTask]


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The steps of a restore, in order."""

    backup: str
    made_at: datetime
    proven_at: datetime | None
    steps: list[str]
