"""What is right, but not now."""

from pvdify.errors.kinds import ConflictError


class ManifestExists(ConflictError):
    """There is a manifest already, and it was not overwritten."""

    code = "manifest-exists"


class AppExists(ConflictError):
    """An app with this name is here already."""

    code = "app-exists"


class NothingRuns(ConflictError):
    """The app has no live release whose processes could be changed."""

    code = "nothing-runs"


class HostnameTaken(ConflictError):
    """Another app answers to this hostname."""

    code = "hostname-taken"


class HostnameReserved(ConflictError):
    """The hostname is one of the server itself."""

    code = "hostname-reserved"


class DomainNotRemovable(ConflictError):
    """The hostname is the app's own, or its manifest's, and goes away in another manner."""

    code = "domain-not-removable"


class IdempotencyKeyReused(ConflictError):
    """The same Idempotency-Key came with a different request."""

    code = "idempotency-key-reused"


class NotRollbackable(ConflictError):
    """This release cannot be repeated: it never was live, or its image is gone."""

    code = "release-not-rollbackable"


class NotCancelable(ConflictError):
    """The release is past the point where it could be canceled."""

    code = "release-not-cancelable"


class AppBusy(ConflictError):
    """An operation is running on the app; the lock says which, since when and why."""

    code = "app-busy"


class PreviewLimit(ConflictError):
    """The app has as many previews as it may, all of open pull requests."""

    code = "preview-limit"


class DataDirInUse(ConflictError):
    """Another pvdifyd holds this data directory."""

    code = "data-dir-in-use"


class DatabaseMissing(ConflictError):
    """A server has run with this data directory, and its database is not there."""

    code = "database-missing"


class DatabaseExists(ConflictError):
    """There is a database already, which is whole, and it was not replaced."""

    code = "database-exists"


class BackupExists(ConflictError):
    """There is a file of this name already, and it was not overwritten."""

    code = "backup-exists"


class NotConfirmed(ConflictError):
    """The request removes something, and was not confirmed."""

    code = "not-confirmed"


class VolumeInUse(ConflictError):
    """A container still mounts the volume."""

    code = "volume-in-use"


class VolumeExists(ConflictError):
    """The app has a volume of this name, which a restore would take the place of."""

    code = "volume-exists"


class JobRunning(ConflictError):
    """The job runs at this moment, and its runs must not overlap."""

    code = "job-running"


class DashboardOff(ConflictError):
    """The server's settings switch the dashboard off."""

    code = "dashboard-off"


class UserExists(ConflictError):
    """Another user has this name, or is invited with the same account."""

    code = "user-exists"


class NoBackupTarget(ConflictError):
    """No place for backups was named yet."""

    code = "no-backup-target"


class BackupsBusy(ConflictError):
    """A backup, restore or verification is under way; they are done one at a time."""

    code = "backups-busy"


class ServiceExists(ConflictError):
    """A service has this name."""

    code = "service-exists"


class ServiceBusy(ConflictError):
    """Something is being done to the service that must end first, or it does not run."""

    code = "service-busy"


class ServiceLinked(ConflictError):
    """Apps are linked to the service, or the app has another URL of this name."""

    code = "service-linked"
