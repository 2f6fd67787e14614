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


class InstallationDiskFull(InstallationFailed):
    """A step of an installation, a backup or a restore did not succeed because a disk is full."""

    code = "installation-disk-full"


class ImageNotFound(FailedError):
    """The registry answers, but has no such image."""

    code = "image-not-found"


class RegistryDenied(FailedError):
    """The registry refuses these credentials, or wants some."""

    code = "registry-denied"


class NotAnImage(FailedError):
    """What the reference names is no container image: a Helm chart, another artifact, a web page."""

    code = "not-an-image"


class WrongPlatform(FailedError):
    """The image was built for another kind of machine."""

    code = "wrong-platform"


class PullFailed(FailedError):
    """The image could not be brought to this server."""

    code = "pull-failed"


class StartFailed(FailedError):
    """An instance could not be started."""

    code = "start-failed"


class NoRoomToStart(StartFailed):
    """An instance could not be started because a disk of the server is full."""

    code = "no-room-to-start"


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
    """The edge's provider does not allow what pvdify needs there."""

    code = "edge-refused"


class GuardTripped(FailedError):
    """A new release answered too many requests with errors, and the one before was put back."""

    code = "guard-tripped"


class DeployCanceled(FailedError):
    """The deploy was canceled before its switch."""

    code = "canceled"


class DeploySuperseded(FailedError):
    """A newer deploy took this one's place."""

    code = "superseded"


class OutcomeUnknown(FailedError):
    """The connection was lost for good before the outcome was known."""

    code = "outcome-unknown"


class BackupFailed(FailedError):
    """A part of a backup, or of a restore, could not be made."""

    code = "backup-failed"


class BackupDamaged(FailedError):
    """The target does not have the backup as it was stored, or what was stored is not whole."""

    code = "backup-damaged"


class BackupTargetRefused(FailedError):
    """The target does not take the password or the keys that this server has for it."""

    code = "backup-target-refused"


class VolumeNotCopied(FailedError):
    """The data of a volume could not be copied, mostly for lack of disk."""

    code = "volume-not-copied"


class ServiceFailed(FailedError):
    """A command inside a service failed: its health check, a dump, a restore, a new password."""

    code = "service-failed"
