"""What cannot be carried out as written."""

from pvdify.errors.kinds import InvalidError


class MalformedRequest(InvalidError):
    """The request is not even readable: broken JSON, no object."""

    code = "malformed-request"


class RequestTooLarge(MalformedRequest):
    """The request's body is larger than any that is meant."""

    code = "request-too-large"


class RequestTooSlow(MalformedRequest):
    """The request's body did not arrive in time."""

    code = "request-too-slow"


class InvalidManifest(InvalidError):
    """The manifest has problems; ``details["problems"]`` lists all of them."""

    code = "invalid-manifest"


class InvalidSetting(InvalidError):
    """A setting of pvdify itself has a value it cannot have."""

    code = "invalid-setting"


class InvalidImageReference(InvalidError):
    """The image is not named as ``[host/]path[:tag][@digest]``."""

    code = "invalid-image-reference"


class InvalidConfigVar(InvalidError):
    """A config var's name or value cannot be used."""

    code = "invalid-config-var"


class InvalidRegistry(InvalidError):
    """This is no image registry, or nothing to sign in to one with."""

    code = "invalid-registry"


class InvalidConfigFile(InvalidError):
    """A file of config vars cannot be opened, was tampered with, or holds what no config var can be."""

    code = "invalid-config-file"


class InvalidRecipient(InvalidError):
    """This is not a public key that files can be encrypted for."""

    code = "invalid-recipient"


class InvalidHostname(InvalidError):
    """This is no hostname that an app could answer to."""

    code = "invalid-hostname"


class InvalidWebAddress(InvalidError):
    """This is no address on the internet that something could be sent to."""

    code = "invalid-web-address"


class BackupUnusable(InvalidError):
    """The file is no backup, is damaged, or is of a newer pvdify."""

    code = "backup-unusable"


class InvalidScale(InvalidError):
    """A process that is not there, or a number of instances that cannot be."""

    code = "invalid-scale"


class NothingToDeploy(InvalidError):
    """No image was named, and the app has no live one to repeat."""

    code = "nothing-to-deploy"


class VolumeNotShared(InvalidError):
    """Several instances of one process would use a volume that only one may use at a time."""

    code = "volume-not-shared"


class InvalidBackupTarget(InvalidError):
    """The location, its keys, or the schedule of backups cannot be used."""

    code = "invalid-backup-target"
