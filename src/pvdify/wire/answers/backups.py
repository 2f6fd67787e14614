"""What one gets back about backups."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class BackupItem:
    """One part of a backup.

    ``kind``: ``server``, ``volume`` or ``service``. ``files``, ``bytes``, ``rows`` (of databases; keys of Redis): null
    if not known. ``added``: bytes that were sent. ``held``: seconds that the app stood still for it. ``problem``: why
    it is not whole.
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

    ``state``: ``running``, ``stored``, ``incomplete``, ``failed`` or ``gone`` (no longer at the target).
    ``proven_at``: when it was last restored and found whole. ``problems``: what the last drill found instead.
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
    """Where backups go and when. ``schedule``, ``drills``: cron fields, empty for never. ``size``: bytes there.

    ``trouble``: why the last backup or drill did not succeed. ``password``: what opens the target, shown only when it
    was made: without it and this server nothing can be read.
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
    """Something that is done with backups. ``kind``: ``backup``, ``verify`` or ``restore``.

    ``state``: ``queued``, ``running``, ``succeeded``, ``failed`` or ``interrupted``. ``log``: what was done so far.
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
    """GET /backups. ``target``: null where none was set; ``tasks``: the newest first."""

    target: BackupTarget | None
    backups: list[Backup]
    tasks: list[BackupTask]


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """What a restore will do, in order."""

    backup: str
    made_at: datetime
    proven_at: datetime | None
    steps: list[str]
