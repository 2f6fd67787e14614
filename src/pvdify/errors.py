"""Every error a person can meet: what happened, why, and what to do next.

::

    PvdifyError
    ├── InvalidError      the request cannot be carried out as written
    ├── NotFoundError     the thing that was named does not exist
    ├── ConflictError     true, but not now: something else stands in the way
    ├── DeniedError       who is asking may not
    ├── UnavailableError  a part of the outside world does not answer
    ├── FailedError       the work was tried and did not succeed
    └── InternalError     a fault of pvdify itself

Each concrete error is one subclass with a stable ``code``; ``kind`` is the branch it hangs on. HTTP statuses and exit
codes are decided at the edges (``api.errors``, ``cli.exit_codes``): an error knows neither. Imports nothing of ours.
"""

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """The branch an error hangs on; the edges map it to a status or an exit code."""

    INVALID = "invalid"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    INTERNAL = "internal"


class PvdifyError(Exception):
    """Base of all errors that reach a person.

    Args:
        what: What happened, starting from what the reader asked for; names the app, release and limit.
        why: The cause, as far as it is known.
        next: What to do now: a command that exists, and what still works.
        details: More facts for machines (JSON values, already free of secrets).
    """

    code: ClassVar[str] = "internal"
    kind: ClassVar[Kind] = Kind.INTERNAL

    def __init__(
        self, what: str, *, why: str = "", next: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.next = next
        self.details = dict(details or {})

    def render(self) -> str:
        """The error as people read it: code, what, why, next; one fact a line."""
        lines = [f"error: {self.code}", f"  {self.what}"]
        problems = self.details.get("problems")
        if isinstance(problems, list):
            lines += [f"  - {problem}" for problem in problems]
        if self.why:
            lines.append(f"  why:  {self.why}")
        if self.next:
            lines.append(f"  next: {self.next}")
        return "\n".join(lines)


class InvalidError(PvdifyError):
    """The request cannot be carried out as written; nothing was changed."""

    code = "invalid-request"
    kind = Kind.INVALID


class MalformedRequest(InvalidError):
    """The request is not even readable: broken JSON, no object."""

    code = "malformed-request"


class RequestTooLarge(MalformedRequest):
    """The request's body is larger than any that is meant."""

    code = "request-too-large"


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
    """This is nobody's public key, so nothing can be encrypted for it."""

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


class NotFoundError(PvdifyError):
    """The thing that was named does not exist."""

    code = "not-found"
    kind = Kind.NOT_FOUND


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


class ConflictError(PvdifyError):
    """True, but not now: something else stands in the way."""

    code = "conflict"
    kind = Kind.CONFLICT


class ManifestExists(ConflictError):
    """There is a manifest already, and it was not overwritten."""

    code = "manifest-exists"


class AppExists(ConflictError):
    """An app with this name is here already."""

    code = "app-exists"


class NothingRuns(ConflictError):
    """The app has no live release whose processes could be changed."""

    code = "nothing-runs"


class HostnameTaken(ConflictError):
    """Another app answers to this hostname."""

    code = "hostname-taken"


class DomainNotRemovable(ConflictError):
    """The hostname is the app's own, or its manifest's, and goes away in another manner."""

    code = "domain-not-removable"


class IdempotencyKeyReused(ConflictError):
    """The same Idempotency-Key came with a different request."""

    code = "idempotency-key-reused"


class NotRollbackable(ConflictError):
    """This release cannot be repeated: it never was live, or its image is gone."""

    code = "release-not-rollbackable"


class NotCancelable(ConflictError):
    """The release is past the point where it could be canceled."""

    code = "release-not-cancelable"


class AppBusy(ConflictError):
    """An operation is running on the app; the lock says which, since when and why."""

    code = "app-busy"


class PreviewLimit(ConflictError):
    """The app has as many previews as it may, all of open pull requests."""

    code = "preview-limit"


class DataDirInUse(ConflictError):
    """Another pvdifyd holds this data directory."""

    code = "data-dir-in-use"


class BackupExists(ConflictError):
    """There is a file of this name already, and it was not overwritten."""

    code = "backup-exists"


class NotConfirmed(ConflictError):
    """What was asked for takes something away, and nobody said yes to that."""

    code = "not-confirmed"


class DeniedError(PvdifyError):
    """Who is asking may not do this."""

    code = "not-allowed"
    kind = Kind.DENIED


class NotSignedIn(DeniedError):
    """No token, or one that is unknown, expired or revoked."""

    code = "not-signed-in"


class WebhookNotSigned(NotSignedIn):
    """A webhook without a signature, or with one that this server's secret did not make."""

    code = "webhook-not-signed"


class IdentityRefused(NotSignedIn):
    """A workflow's token that is not exchanged; ``details["claim"]`` is the claim at fault."""

    code = "identity-refused"


class ForkNotAllowed(DeniedError):
    """The pull request comes from a fork, and nobody who may has allowed it a preview."""

    code = "fork-not-allowed"


class NotRoot(DeniedError):
    """Only root may do this on the server's machine."""

    code = "not-root"


class UnavailableError(PvdifyError):
    """A part of the outside world does not answer."""

    code = "unavailable"
    kind = Kind.UNAVAILABLE


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


class FailedError(PvdifyError):
    """The work was tried and did not succeed."""

    code = "failed"
    kind = Kind.FAILED


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


class InternalError(PvdifyError):
    """A fault of pvdify itself; the reference leads to the details in its log."""

    code = "internal"
    kind = Kind.INTERNAL
