"""Errors of valid requests that the present state does not allow."""

from pvdify.errors.kinds import ConflictError


class ManifestExists(ConflictError):
    """A manifest exists already, and was not overwritten."""

    code = "manifest-exists"


class AppExists(ConflictError):
    """An app with this name exists already."""

    code = "app-exists"


class NothingRuns(ConflictError):
    """The app has no live release whose processes could be changed."""

    code = "nothing-runs"


class HostnameTaken(ConflictError):
    """Another app uses this hostname."""

    code = "hostname-taken"


class HostnameReserved(ConflictError):
    """The hostname is one of the server itself."""

    code = "hostname-reserved"


class DomainNotRemovable(ConflictError):
    """The hostname is the app's default one or comes from its manifest, so it cannot be removed by hand."""

    code = "domain-not-removable"


class IdempotencyKeyReused(ConflictError):
    """The same Idempotency-Key was used with a different request."""

    code = "idempotency-key-reused"


class NotRollbackable(ConflictError):
    """The release cannot be repeated: it was never live, or its image is gone."""

    code = "release-not-rollbackable"


class NotCancelable(ConflictError):
    """The release can no longer be canceled."""

    code = "release-not-cancelable"


class NothingToCancel(ConflictError):
    """No move of apps to another runtime is under way."""

    code = "no-move"


class AppBusy(ConflictError):
    """An operation is running on the app; the message says which, since when and why."""

    code = "app-busy"


class PreviewLimit(ConflictError):
    """The app has as many previews as allowed, all of open pull requests."""

    code = "preview-limit"


class DataDirInUse(ConflictError):
    """Another pvdifyd uses this data directory."""

    code = "data-dir-in-use"


class DatabaseMissing(ConflictError):
    """A server has used this data directory before, and its database is missing."""

    code = "database-missing"


class DatabaseExists(ConflictError):
    """An intact database exists already, and was not replaced."""

    code = "database-exists"


class BackupExists(ConflictError):
    """A file with this name exists already, and was not overwritten."""

    code = "backup-exists"


class NotConfirmed(ConflictError):
    """The request removes something, and was not confirmed."""

    code = "not-confirmed"


class VolumeInUse(ConflictError):
    """A container still mounts the volume."""

    code = "volume-in-use"


class VolumeExists(ConflictError):
    """The app has a volume with this name already, which a restore would replace."""

    code = "volume-exists"


class JobRunning(ConflictError):
    """The job is running, and its runs must not overlap."""

    code = "job-running"


class DashboardOff(ConflictError):
    """The dashboard is switched off in the server's settings."""

    code = "dashboard-off"


class UserExists(ConflictError):
    """Another user has this name, or is invited with the same account."""

    code = "user-exists"


class NoBackupTarget(ConflictError):
    """No target for backups is set."""

    code = "no-backup-target"


class BackupsBusy(ConflictError):
    """A backup, restore or verification is in progress; they run one at a time."""

    code = "backups-busy"


class ServiceExists(ConflictError):
    """A service with this name exists already."""

    code = "service-exists"


class ServiceBusy(ConflictError):
    """Work on the service is in progress and must end first, or the service does not run."""

    code = "service-busy"


class ServiceLinked(ConflictError):
    """Apps are linked to the service, or the app has another URL with this name."""

    code = "service-linked"
