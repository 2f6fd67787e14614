"""What one gets back about volumes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume of an app.

    ``state``: ``used`` by the live release, ``unused``, or ``trash``; ``path`` and ``processes`` are those of the live
    release, null and empty where it does not use the volume. ``size`` in bytes, null if unknown. ``deleted_at``: when
    a volume in the trash is deleted for good. ``last_backup_at``: when it was last stored at the target of backups.
    """

    name: str
    state: str
    path: str | None
    processes: list[str]
    shared: bool
    size: int | None
    created_at: datetime
    trashed_at: datetime | None
    deleted_at: datetime | None
    last_backup_at: datetime | None = None
