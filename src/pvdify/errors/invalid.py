"""Errors of requests that cannot be carried out as written."""

from pvdify.errors.kinds import InvalidError


class MalformedRequest(InvalidError):
    """The request cannot be parsed: it is not JSON, or not an object."""

    code = "malformed-request"


class RequestTooLarge(MalformedRequest):
    """The body of the request is too large."""

    code = "request-too-large"


class RequestTooSlow(MalformedRequest):
    """The body of the request did not arrive in time."""

    code = "request-too-slow"


class InvalidManifest(InvalidError):
    """The manifest has problems; ``details["problems"]`` lists all of them."""

    code = "invalid-manifest"


class InvalidSetting(InvalidError):
    """A setting of pvdify has an invalid value."""

    code = "invalid-setting"


class InvalidImageReference(InvalidError):
    """The image reference does not have the form ``[host/]path[:tag][@digest]``."""

    code = "invalid-image-reference"


class InvalidConfigVar(InvalidError):
    """The name or value of a config var is invalid."""

    code = "invalid-config-var"


class InvalidRegistry(InvalidError):
    """The registry's host, or the login to it, is invalid."""

    code = "invalid-registry"


class InvalidConfigFile(InvalidError):
    """A file of config vars cannot be opened, was tampered with, or has names or values that are invalid."""

    code = "invalid-config-file"


class InvalidRecipient(InvalidError):
    """The recipient is not a public key for encryption."""

    code = "invalid-recipient"


class InvalidHostname(InvalidError):
    """The hostname is invalid, or cannot belong to an app."""

    code = "invalid-hostname"


class InvalidWebAddress(InvalidError):
    """The URL is not an address on the internet to which requests can be sent."""

    code = "invalid-web-address"


class BackupUnusable(InvalidError):
    """The file is not a backup, is damaged, or is from a newer pvdify."""

    code = "backup-unusable"


class InvalidScale(InvalidError):
    """The process does not exist, or the number of instances is not allowed."""

    code = "invalid-scale"


class UnknownProcess(InvalidError):
    """The release has no process of this name."""

    code = "unknown-process"


class NothingToDeploy(InvalidError):
    """The request names no image, and the app has no live one to repeat."""

    code = "nothing-to-deploy"


class VolumeNotShared(InvalidError):
    """Several instances of one process would use a volume that only one may use at a time."""

    code = "volume-not-shared"


class InvalidBackupTarget(InvalidError):
    """The location, its keys, or the schedule of backups is invalid."""

    code = "invalid-backup-target"
