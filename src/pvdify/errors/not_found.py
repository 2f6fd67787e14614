"""Errors of named things that do not exist."""

from pvdify.errors.kinds import NotFoundError


class AppNotFound(NotFoundError):
    """No app has this name on this server."""

    code = "app-not-found"


class AppRenamed(NotFoundError):
    """The app was renamed; this name stays reserved for it."""

    code = "app-renamed"


class ReleaseNotFound(NotFoundError):
    """The app has no release with this number."""

    code = "release-not-found"


class PreviewNotFound(NotFoundError):
    """The app has no preview of this pull request."""

    code = "preview-not-found"


class LinkNotFound(NotFoundError):
    """The app is not linked to this repository."""

    code = "link-not-found"


class RepositoryNotFound(NotFoundError):
    """GitHub does not show this repository: it does not exist, or is private."""

    code = "repository-not-found"


class OperationNotFound(NotFoundError):
    """The app has no operation with this id."""

    code = "operation-not-found"


class OneOffNotFound(NotFoundError):
    """The app has no running one-off command with this name."""

    code = "one-off-not-found"


class ConfigVersionNotFound(NotFoundError):
    """The app's config has no such version."""

    code = "config-version-not-found"


class ConfigVarNotFound(NotFoundError):
    """The app's config has no var with this name."""

    code = "config-var-not-found"


class DomainNotFound(NotFoundError):
    """The app does not have this hostname."""

    code = "domain-not-found"


class RecipientNotFound(NotFoundError):
    """No recipient has this name."""

    code = "recipient-not-found"


class NotificationNotFound(NotFoundError):
    """No notification has this id."""

    code = "notification-not-found"


class RegistryNotFound(NotFoundError):
    """This server has no login to this registry."""

    code = "registry-not-found"


class TokenNotFound(NotFoundError):
    """No token has this id."""

    code = "token-not-found"


class SessionNotFound(NotFoundError):
    """No valid session has this id."""

    code = "session-not-found"


class UserNotFound(NotFoundError):
    """No user has this name."""

    code = "user-not-found"


class NotInstalled(NotFoundError):
    """No pvdify server is installed on this machine."""

    code = "not-installed"


class VolumeNotFound(NotFoundError):
    """The app has no volume with this name, in use or in the trash."""

    code = "volume-not-found"


class JobNotFound(NotFoundError):
    """The app has no job with this name, or the job has no run with this number."""

    code = "job-not-found"


class BackupNotFound(NotFoundError):
    """No backup has this id, or the backup does not contain the named thing."""

    code = "backup-not-found"


class ServiceNotFound(NotFoundError):
    """No service has this name, or the app is not linked to it."""

    code = "service-not-found"
