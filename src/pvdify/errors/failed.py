"""Work that was tried and did not succeed."""

from pvdify.errors.kinds import FailedError


class PackedWithout(FailedError):
    """This copy of the command line was packed without what the command needs."""

    code = "packed-without"


class MachineNotReady(FailedError):
    """The machine lacks something that the server cannot do without; ``details["problems"]`` lists all of it."""

    code = "machine-not-ready"


class InstallationFailed(FailedError):
    """A step of an installation did not succeed; those before it are done."""

    code = "installation-failed"


class ImageNotFound(FailedError):
    """The registry answers, but has no such image."""

    code = "image-not-found"


class RegistryDenied(FailedError):
    """The registry refuses these credentials, or wants some."""

    code = "registry-denied"


class PullFailed(FailedError):
    """The image could not be brought to this server."""

    code = "pull-failed"


class StartFailed(FailedError):
    """An instance could not be started."""

    code = "start-failed"


class ProbeFailed(FailedError):
    """A candidate instance did not become healthy."""

    code = "probe-failed"


class HookFailed(FailedError):
    """One of the app's own hooks exited with something else than zero."""

    code = "hook-failed"


class NoFreePort(FailedError):
    """Every port of the range is taken."""

    code = "no-free-port"


class NotEnoughDisk(FailedError):
    """Less disk is free than the deploy needs."""

    code = "not-enough-disk"


class NotEnoughMemory(FailedError):
    """Less memory is free than both releases side by side need."""

    code = "not-enough-memory"


class ConfirmFailed(FailedError):
    """After the switch the router did not answer with the new release."""

    code = "confirm-failed"


class EdgeRefused(FailedError):
    """Cloudflare does not let pvdify do what the edge needs."""

    code = "edge-refused"


class GuardTripped(FailedError):
    """A new release answered too many requests with errors, and the one before was put back."""

    code = "guard-tripped"


class DeployCanceled(FailedError):
    """Somebody canceled the deploy before its switch."""

    code = "canceled"


class DeploySuperseded(FailedError):
    """A newer deploy took this one's place."""

    code = "superseded"


class OutcomeUnknown(FailedError):
    """The connection was lost for good before the outcome was known."""

    code = "outcome-unknown"
