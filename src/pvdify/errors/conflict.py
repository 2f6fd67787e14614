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


class BackupExists(ConflictError):
    """There is a file of this name already, and it was not overwritten."""

    code = "backup-exists"


class NotConfirmed(ConflictError):
    """What was asked for takes something away, and nobody said yes to that."""

    code = "not-confirmed"
