"""Backups: their items and state, which backups are kept, and when a backup is suspicious."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from pvdify.model.service import PREFIX as SERVICE_PREFIX
from pvdify.model.service import is_of_service

DEFAULT_SCHEDULE, DEFAULT_DRILLS = "0 3 * * *", "0 5 * * 0"
PLAN = "default"
SHRUNK = 10  # a drill reports an item that is less than 1/10 of the same item in the newest proven backup
SMALL = 20  # files, rows or kilobytes; smaller items are not checked for shrinking
LATE = timedelta(hours=6)  # after its due time, without a successful backup, needs attention


class ItemKind(Enum):
    """What an item of a backup holds."""

    SERVER = "server"
    VOLUME = "volume"
    SERVICE = "service"


class BackupState(Enum):
    """The state of a backup. ``incomplete``: an item failed. ``gone``: the target no longer has the backup."""

    RUNNING = "running"
    STORED = "stored"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    GONE = "gone"


class TaskKind(Enum):
    """The kinds of tasks."""

    BACKUP = "backup"
    VERIFY = "verify"
    RESTORE = "restore"


class TaskState(Enum):
    """The states of a task."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether the task has ended."""
        return self not in (TaskState.QUEUED, TaskState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The contents of a directory. ``empty``: files without content. ``rows``: of all tables in its SQLite databases.

    For the dump of a service: ``databases`` is the number of its tables, ``rows`` the number of rows or keys.
    """

    files: int = 0
    bytes: int = 0
    empty: int = 0
    databases: int = 0
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class BackupItem:
    """One item of a backup.

    ``id``: the id of the volume's storage. ``snapshot``: the item's name at the target. ``added``: bytes sent.
    ``held``: for how many seconds the app's processes were frozen. ``counts``: None for a backup that was found at the
    target. For a service: ``id`` is the service's id, and ``service``, ``image`` and ``version`` are its kind, its
    image and the major version of its program.
    """

    kind: ItemKind
    app: str = ""
    name: str
    id: str = ""
    snapshot: str = ""
    counts: Counts | None = None
    added: int = 0
    held: float = 0.0
    problem: str = ""
    service: str = ""
    image: str = ""
    version: str = ""

    @property
    def title(self) -> str:
        """The item's name in messages."""
        if self.kind is ItemKind.SERVER:
            return "the server's own data"
        if self.kind is ItemKind.SERVICE:
            return f"the service {self.name}"
        if is_of_service(self.app):
            return f"the volume of the service {self.app.removeprefix(SERVICE_PREFIX)}"
        return f"the volume {self.name} of {self.app}"

    def is_same_as(self, other: "BackupItem") -> bool:
        """Return whether both items are backups of the same thing."""
        return (self.kind, self.app, self.name) == (other.kind, other.app, other.name)


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One backup of the server. ``proven_at``: when a full restore last succeeded; ``proof``: why it did not."""

    id: str
    state: BackupState
    made_at: datetime
    made_by: str
    ended_at: datetime | None = None
    items: tuple[BackupItem, ...] = ()
    cause: str = ""
    drilled_at: datetime | None = None
    proven_at: datetime | None = None
    proof: tuple[str, ...] = ()

    @property
    def is_restorable(self) -> bool:
        """Whether any item can be restored."""
        return self.state in (BackupState.STORED, BackupState.INCOMPLETE)

    @property
    def bytes(self) -> int:
        """The size of its content."""
        return sum(item.counts.bytes for item in self.items if item.counts)


@dataclass(frozen=True, kw_only=True)
class RestoreSubject:
    """The subject of a restore. ``to``: the app that gets it; ``replaces``: the present content goes to the trash.

    ``service``: the name of the service to restore into the service ``to``, instead of volumes of an app.
    """

    app: str
    service: str = ""
    to: str
    volumes: tuple[str, ...] = ()
    replaces: bool = False


@dataclass(frozen=True, kw_only=True)
class BackupTask:
    """Work on backups; tasks run one at a time.

    ``wanted``: the subject of a restore. ``undo``: what to clean up if the task is interrupted. ``log``: lines on what
    was done.
    """

    id: str
    kind: TaskKind
    state: TaskState
    created_at: datetime
    created_by: str
    backup: str = ""
    wanted: RestoreSubject | None = None
    undo: tuple[str, ...] = ()
    accepts_smaller: bool = False
    ended_at: datetime | None = None
    log: tuple[str, ...] = ()
    cause: str = ""


@dataclass(frozen=True, kw_only=True)
class Keep:
    """How many backups are kept: the newest backup of each of the last days, weeks and months."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 6

    def __str__(self) -> str:
        return f"{self.daily} daily, {self.weekly} weekly, {self.monthly} monthly"


@dataclass(frozen=True, kw_only=True)
class BackupPlan:
    """The target and schedule of backups. The target's credentials are stored separately, encrypted.

    ``repository``: the id of the repository at the target. ``accounted``, ``drills_accounted``: due times up to then
    are handled. ``size``: bytes at the target. ``trouble``: why the last task failed.
    """

    name: str = PLAN
    location: str
    repository: str
    schedule: str = DEFAULT_SCHEDULE
    time_zone: str = "UTC"
    drills: str = DEFAULT_DRILLS
    keep: Keep = field(default_factory=Keep)
    set_at: datetime
    set_by: str
    accounted: datetime
    drills_accounted: datetime
    size: int | None = None
    trouble: str = ""


def kept(backups: Iterable[Backup], keep: Keep) -> frozenset[str]:
    """Return the ids of the backups to keep: the newest backup of each of the last days, weeks and months.

    The newest backup, the newest complete one, and the newest proven one are always kept. A complete backup takes
    precedence over an incomplete one of the same period.
    """
    found = sorted((it for it in backups if it.is_restorable), key=lambda it: it.made_at, reverse=True)
    whole = [it for it in found if it.state is BackupState.STORED]
    proven = [it for it in found if it.proven_at]
    chosen = {it.id for newest in (found[:1], whole[:1], proven[:1]) for it in newest}
    for most, form in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        seen: dict[str, str] = {}
        for backup in (*whole, *found):
            seen.setdefault(backup.made_at.strftime(form), backup.id)
        chosen |= {seen[period] for period in sorted(seen, reverse=True)[:most]}
    return frozenset(chosen)


def last_stored(backups: Iterable[Backup]) -> dict[str, datetime]:
    """Return when each volume was last stored at the target, by its id. ``backups``: newest first."""
    found: dict[str, datetime] = {}
    for backup in backups:
        for item in backup.items if backup.is_restorable else ():
            if item.id and item.snapshot:
                found.setdefault(item.id, backup.made_at)
    return found


def shrinking(item: BackupItem, proven: Sequence[Backup]) -> str:
    """Return how much smaller the item is than in the newest proven backup with it; "" if not suspiciously smaller."""
    before = next((old for backup in proven for old in backup.items if old.is_same_as(item) and old.counts), None)
    if before is None or before.counts is None or item.counts is None:
        return ""
    was, now = before.counts, item.counts
    pairs = (
        ("files", was.files, now.files, SMALL),
        ("files with content", was.files - was.empty, now.files - now.empty, SMALL),
        ("rows", was.rows, now.rows, SMALL),
        ("bytes", was.bytes, now.bytes, SMALL * 1024),
    )
    for what, old, new, least in pairs:
        if (old >= least and new * SHRUNK < old) or (old > 0 and new == 0):
            return f"it has {new} {what}, and had {old} in the newest backup that was proven"
    return ""


def differences(stored: Counts, found: Counts) -> str:
    """Return how a restored item differs from the stored one; "" if not at all."""
    names = ("files", "bytes", "empty", "databases", "rows")
    pairs = [(name, getattr(stored, name), getattr(found, name)) for name in names]
    return ", ".join(f"{new} {name} instead of {old}" for name, old, new in pairs if old != new)
