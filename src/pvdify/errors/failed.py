"""Errors of work that was tried and failed."""

from pvdify.errors.kinds import FailedError


class PackedWithout(FailedError):
    """The packed command line lacks what the command needs."""

    code = "packed-without"


class MachineNotReady(FailedError):
    """The machine lacks something that the server requires; ``details["problems"]`` lists everything missing."""

    code = "machine-not-ready"


class InstallationFailed(FailedError):
    """A step of an installation failed; the steps before it are done."""

    code = "installation-failed"


class InstallationDiskFull(InstallationFailed):
    """A step of an installation, a backup or a restore failed because a disk is full."""

    code = "installation-disk-full"


class ImageNotFound(FailedError):
    """The registry has no such image."""

    code = "image-not-found"


class RegistryDenied(FailedError):
    """The registry refuses the credentials, or requires some."""

    code = "registry-denied"


class NotAnImage(FailedError):
    """The reference does not name a container image, but a Helm chart, another artifact or a web page."""

    code = "not-an-image"


class WrongPlatform(FailedError):
    """The image was built for another kind of machine."""

    code = "wrong-platform"


class PullFailed(FailedError):
    """The image could not be pulled."""

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
    """One of the app's hooks exited with a code other than zero."""

    code = "hook-failed"


class NoFreePort(FailedError):
    """All ports of the range are in use."""

    code = "no-free-port"


class NotEnoughDisk(FailedError):
    """The free disk is less than the deploy needs."""

    code = "not-enough-disk"


class NotEnoughMemory(FailedError):
    """The free memory is less than both releases together need."""

    code = "not-enough-memory"


class ConfirmFailed(FailedError):
    """After the switch, the router did not answer with the new release."""

    code = "confirm-failed"


class EdgeRefused(FailedError):
    """The edge's provider does not allow what pvdify needs."""

    code = "edge-refused"


class GuardTripped(FailedError):
    """The new release answered too many requests with errors, and was rolled back."""

    code = "guard-tripped"


class DeployCanceled(FailedError):
    """The deploy was canceled before its switch."""

    code = "canceled"


class DeploySuperseded(FailedError):
    """A newer deploy replaced this one."""

    code = "superseded"


class OutcomeUnknown(FailedError):
    """The connection was lost before the result was known."""

    code = "outcome-unknown"


class BackupFailed(FailedError):
    """A part of a backup or of a restore failed."""

    code = "backup-failed"


class BackupDamaged(FailedError):
    """The backup at the target is missing, changed or incomplete."""

    code = "backup-damaged"


class BackupTargetRefused(FailedError):
    """The target refuses the password or the keys that this server has for it."""

    code = "backup-target-refused"


class VolumeNotCopied(FailedError):
    """The data of a volume could not be copied, usually for lack of disk."""

    code = "volume-not-copied"


class ServiceFailed(FailedError):
    """A command in a service failed: its health check, a dump, a restore or a password change."""

    code = "service-failed"
