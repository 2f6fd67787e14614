"""Request types about backups."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SetBackupTarget:
    """PUT /backups/target. ``location``: a directory, ``sftp:USER@HOST:/PATH`` or ``s3:https://HOST/BUCKET``.

    ``keys``: the target's credentials (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``SSH_PRIVATE_KEY``), and
    ``RESTIC_PASSWORD`` if the target contains backups already.
    """

    location: str
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScheduleBackups:
    """PATCH /backups/target. ``schedule``, ``drills``: five cron fields, or ``none``; null: no change."""

    schedule: str | None = None
    drills: str | None = None
    time_zone: str | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None


@dataclass(frozen=True, kw_only=True)
class VerifyBackup:
    """POST /backups/verify. ``backup``: its id; empty: the newest one.

    ``accept_smaller``: accept that it contains much less than the last verified backup.
    """

    backup: str = ""
    accept_smaller: bool = False


@dataclass(frozen=True, kw_only=True)
class RestoreBackup:
    """POST /backups/restore, and /backups/restore/plan. ``backup``: its id; empty: the newest one.

    ``app``: the app whose volumes are restored; or ``service``: the service. ``to``: another app that gets the volumes,
    or another service, which is created if it does not exist. ``volumes``: only these. ``replace``: move existing data
    to the trash.
    """

    app: str = ""
    service: str = ""
    backup: str = ""
    to: str = ""
    volumes: list[str] = field(default_factory=list)
    replace: bool = False
