"""Parts of the outside world that do not answer."""

from pvdify.errors.kinds import UnavailableError


class TooManyRequests(UnavailableError):
    """The same was asked too often in too short a time; ``details["retry_after"]`` says for how many seconds."""

    code = "too-many-requests"


class RegistryUnavailable(UnavailableError):
    """The image registry does not answer."""

    code = "registry-unavailable"


class RuntimeUnavailable(UnavailableError):
    """The container runtime is missing or does not answer."""

    code = "runtime-unavailable"


class RouterUnavailable(UnavailableError):
    """The router is not running or does not take commands."""

    code = "router-unavailable"


class StoreUnavailable(UnavailableError):
    """The database cannot be opened, read or written."""

    code = "store-unavailable"


class SecretsLocked(StoreUnavailable):
    """Config vars cannot be opened: the server's age key is missing, or it is not the one they are encrypted for."""

    code = "secrets-locked"


class CodeHostUnavailable(UnavailableError):
    """GitHub does not answer, or not now."""

    code = "code-host-unavailable"


class ServiceUnavailable(UnavailableError):
    """A service on the internet that pvdify was told to use does not answer."""

    code = "service-unavailable"


class ServerUnreachable(UnavailableError):
    """The command line cannot reach pvdifyd."""

    code = "server-unreachable"
