"""What was named and does not exist."""

from pvdify.errors.kinds import NotFoundError


class AppNotFound(NotFoundError):
    """No app has this name on this server."""

    code = "app-not-found"


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
    """GitHub does not tell of this repository: it is not there, or private."""

    code = "repository-not-found"


class OperationNotFound(NotFoundError):
    """The app has no operation with this id."""

    code = "operation-not-found"


class OneOffNotFound(NotFoundError):
    """The app runs no one-off command of this name, or not any more."""

    code = "one-off-not-found"


class ConfigVarNotFound(NotFoundError):
    """The app's config has no var with this name."""

    code = "config-var-not-found"


class DomainNotFound(NotFoundError):
    """The app does not answer to this hostname."""

    code = "domain-not-found"


class RecipientNotFound(NotFoundError):
    """Nobody of this name is among those who can open the config files."""

    code = "recipient-not-found"


class NotificationNotFound(NotFoundError):
    """Nobody is notified under this id."""

    code = "notification-not-found"


class RegistryNotFound(NotFoundError):
    """This server is not signed in to this registry."""

    code = "registry-not-found"


class TokenNotFound(NotFoundError):
    """No token has this id."""

    code = "token-not-found"


class NotInstalled(NotFoundError):
    """No server of pvdify is installed on this machine."""

    code = "not-installed"
