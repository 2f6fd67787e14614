"""Response types about volumes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume of an app.

    ``state``: ``used`` by the live release, ``unused``, or ``trash``. ``path`` and ``processes``: as in the live
    release; null and empty if the live release does not use the volume. ``size`` in bytes, null if unknown.
    ``deleted_at``: when a volume in the trash is deleted for good. ``last_backup_at``: when the volume was last stored
    at the backup target.
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
