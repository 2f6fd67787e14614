"""Parts of the outside world that do not answer."""

from pvdify.errors.kinds import UnavailableError


class TooManyRequests(UnavailableError):
    """The same was asked too often in too short a time; ``details["retry_after"]`` says for how many seconds."""

    code = "too-many-requests"


class RegistryUnavailable(UnavailableError):
    """The image registry does not answer."""

    code = "registry-unavailable"


class RegistryRateLimited(UnavailableError):
    """The image registry gives this server no more images for a while."""

    code = "registry-rate-limited"


class RuntimeUnavailable(UnavailableError):
    """The container runtime is missing or does not answer."""

    code = "runtime-unavailable"


class RuntimeHangs(RuntimeUnavailable):
    """The container runtime, or another program that it needs, did not answer in time and was ended."""

    code = "runtime-hangs"


class RuntimeDiskFull(RuntimeUnavailable):
    """The disk that instances' files are on is full; nothing that runs was changed."""

    code = "runtime-disk-full"


class RouterUnavailable(UnavailableError):
    """The router is not running or does not take commands."""

    code = "router-unavailable"


class RouterDiskFull(RouterUnavailable):
    """The disk that the router's files are on is full; what was in force stays in force."""

    code = "router-disk-full"


class StoreUnavailable(UnavailableError):
    """The database cannot be opened, read or written."""

    code = "store-unavailable"


class StoreDiskFull(StoreUnavailable):
    """The disk that the database, config and secrets are on is full; nothing was changed."""

    code = "store-disk-full"


class StoreDamaged(StoreUnavailable):
    """The database is damaged; nothing was changed."""

    code = "store-damaged"


class SecretsLocked(StoreUnavailable):
    """Config vars cannot be opened: the server's age key is missing, or it is not the one they are encrypted for."""

    code = "secrets-locked"


class CodeHostUnavailable(UnavailableError):
    """GitHub does not answer, or not now."""

    code = "code-host-unavailable"


class ServiceUnavailable(UnavailableError):
    """A service on the internet that pvdify is set up to use does not answer."""

    code = "service-unavailable"


class ServerUnreachable(UnavailableError):
    """The command line cannot reach pvdifyd."""

    code = "server-unreachable"


class BackupTargetUnavailable(UnavailableError):
    """The place that backups go to does not answer, or has no backups of this server."""

    code = "backup-target-unavailable"
