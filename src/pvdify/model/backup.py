"""Backups: what is in one, whether it was proven by a restore, which ones are kept, and what makes one suspicious."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

DEFAULT_SCHEDULE, DEFAULT_DRILLS = "0 3 * * *", "0 5 * * 0"
PLAN = "default"
SHRUNK = 10  # a drill objects to less than this part of what a proven backup had
SMALL = 20  # files, rows or kilobytes below which shrinking says nothing
LATE = timedelta(hours=6)  # after its due time, a backup that did not succeed needs attention


class ItemKind(Enum):
    """What a part of a backup holds."""

    SERVER = "server"
    VOLUME = "volume"
    SERVICE = "service"


class BackupState(Enum):
    """The life of a backup. ``incomplete``: a part of it failed. ``gone``: the target no longer has it."""

    RUNNING = "running"
    STORED = "stored"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    GONE = "gone"


class TaskKind(Enum):
    """What is done with backups."""

    BACKUP = "backup"
    VERIFY = "verify"
    RESTORE = "restore"


class TaskState(Enum):
    """The life of a task."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is still to come."""
        return self not in (TaskState.QUEUED, TaskState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What is in a directory. ``empty``: files without content. ``rows``: of all tables of SQLite databases in it.

    Of the dump of a service: ``databases`` its tables, ``rows`` what is in them, or keys.
    """

    files: int = 0
    bytes: int = 0
    empty: int = 0
    databases: int = 0
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class BackupItem:
    """One part of a backup.

    ``id``: of a volume's storage. ``snapshot``: its name at the target. ``added``: bytes sent. ``held``: seconds that
    the app's processes stood still for it. ``counts``: None for a backup that was found at the target. Of a service:
    ``id`` is its own, and ``service``, ``image`` and ``version`` are its kind, image and the program's major version.
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
        """What messages call it."""
        if self.kind is ItemKind.SERVER:
            return "the server's own data"
        if self.kind is ItemKind.SERVICE:
            return f"the service {self.name}"
        return f"the volume {self.name} of {self.app}"

    def is_same_as(self, other: "BackupItem") -> bool:
        """Whether two backups hold the same thing in these parts."""
        return (self.kind, self.app, self.name) == (other.kind, other.app, other.name)


@dataclass(frozen=True, kw_only=True)
class Backup:
    """One backup of the server. ``proven_at``: when all of it was last restored and found whole; ``proof``: why not."""

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
        """Whether any of it can be brought back."""
        return self.state in (BackupState.STORED, BackupState.INCOMPLETE)

    @property
    def bytes(self) -> int:
        """How much content it has."""
        return sum(item.counts.bytes for item in self.items if item.counts)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a restore is to bring back. ``to``: the app that gets it; ``replaces``: what is there goes to the trash.

    ``service``: the service of this name instead of volumes of an app, for the service ``to``.
    """

    app: str
    service: str = ""
    to: str
    volumes: tuple[str, ...] = ()
    replaces: bool = False


@dataclass(frozen=True, kw_only=True)
class BackupTask:
    """Something that is done with backups, one at a time.

    ``wanted``: what a restore is asked for. ``undo``: what has to be put right if it is cut short. ``log``: what
    was done.
    """

    id: str
    kind: TaskKind
    state: TaskState
    created_at: datetime
    created_by: str
    backup: str = ""
    wanted: Wanted | None = None
    undo: tuple[str, ...] = ()
    accepts_smaller: bool = False
    ended_at: datetime | None = None
    log: tuple[str, ...] = ()
    cause: str = ""


@dataclass(frozen=True, kw_only=True)
class Keep:
    """How many backups are kept: the newest of each of these days, weeks and months."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 6

    def __str__(self) -> str:
        return f"{self.daily} daily, {self.weekly} weekly, {self.monthly} monthly"


@dataclass(frozen=True, kw_only=True)
class BackupPlan:
    """Where backups go and when they are made; what opens the target is kept apart, encrypted.

    ``repository``: the id of what was made at the target. ``accounted``, ``drills_accounted``: due times until then
    were kept. ``size``: bytes at the target. ``trouble``: why the last task did not succeed.
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
    """Return the ids of the backups that are kept: the newest one of each of the last days, weeks and months.

    The newest backup, the newest whole one, and the newest proven one are always kept. An incomplete one takes the
    place of no whole one.
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
    """Return when each volume was last stored at the target, by its id; the backups come newest first."""
    found: dict[str, datetime] = {}
    for backup in backups:
        for item in backup.items if backup.is_restorable else ():
            if item.id and item.snapshot:
                found.setdefault(item.id, backup.made_at)
    return found


def shrinking(item: BackupItem, proven: Sequence[Backup]) -> str:
    """Say how much less the item has than the newest proven backup of it had; "" if that is nothing to stop at."""
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
    """Say in what a restored item differs from what was stored; "" if in nothing."""
    names = ("files", "bytes", "empty", "databases", "rows")
    pairs = [(name, getattr(stored, name), getattr(found, name)) for name in names]
    return ", ".join(f"{new} {name} instead of {old}" for name, old, new in pairs if old != new)
