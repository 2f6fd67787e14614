"""Errors of outside systems that do not answer."""

from pvdify.errors.kinds import UnavailableError


class TooManyRequests(UnavailableError):
    """The client sent too many requests in a short time; ``details["retry_after"]`` is the seconds to wait."""

    code = "too-many-requests"


class RegistryUnavailable(UnavailableError):
    """The image registry does not answer."""

    code = "registry-unavailable"


class RegistryRateLimited(UnavailableError):
    """The image registry limits the pulls of this server for a while."""

    code = "registry-rate-limited"


class RuntimeUnavailable(UnavailableError):
    """The container runtime is missing or does not answer."""

    code = "runtime-unavailable"


class RuntimeHangs(RuntimeUnavailable):
    """The container runtime, or a program that it needs, did not answer in time and was ended."""

    code = "runtime-hangs"


class RuntimeDiskFull(RuntimeUnavailable):
    """The disk with the instances' files is full; running instances were not changed."""

    code = "runtime-disk-full"


class RouterUnavailable(UnavailableError):
    """The router does not run or does not accept commands."""

    code = "router-unavailable"


class RouterDiskFull(RouterUnavailable):
    """The disk with the router's files is full; the routes in force stay in force."""

    code = "router-disk-full"


class StoreUnavailable(UnavailableError):
    """The database cannot be opened, read or written."""

    code = "store-unavailable"


class StoreDiskFull(StoreUnavailable):
    """The disk with the database, config and secrets is full; nothing was changed."""

    code = "store-disk-full"


class StoreDamaged(StoreUnavailable):
    """The database is damaged; nothing was changed."""

    code = "store-damaged"


class SecretsLocked(StoreUnavailable):
    """Config vars cannot be decrypted: the server's age key is missing or is another one."""

    code = "secrets-locked"


class CodeHostUnavailable(UnavailableError):
    """GitHub does not answer."""

    code = "code-host-unavailable"


class ServiceUnavailable(UnavailableError):
    """A service on the internet that pvdify uses does not answer."""

    code = "service-unavailable"


class ServerUnreachable(UnavailableError):
    """The command line cannot reach pvdifyd."""

    code = "server-unreachable"


class BackupTargetUnavailable(UnavailableError):
    """The backup target does not answer, or has no backups of this server."""

    code = "backup-target-unavailable"
