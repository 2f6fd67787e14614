"""Errors of requests that the client may not make."""

from pvdify.errors.kinds import DeniedError


class NotSignedIn(DeniedError):
    """No token, or one that is unknown, expired or revoked."""

    code = "not-signed-in"


class WebhookNotSigned(NotSignedIn):
    """A webhook without a signature, or with one that this server's secret did not make."""

    code = "webhook-not-signed"


class IdentityRefused(NotSignedIn):
    """A workflow's token that is not exchanged; ``details["claim"]`` is the claim at fault."""

    code = "identity-refused"


class SignInRefused(NotSignedIn):
    """What a sign-in provider or a passkey answered does not sign anyone in."""

    code = "sign-in-refused"


class NotInvited(DeniedError):
    """The account at the provider may not use this server."""

    code = "not-invited"


class ForkNotAllowed(DeniedError):
    """The pull request comes from a fork, and was not allowed a preview."""

    code = "fork-not-allowed"


class HostnameNotGranted(DeniedError):
    """The hostname is not the app's own, and no token for the whole server granted it."""

    code = "hostname-not-granted"


class RegistryNotAllowed(DeniedError):
    """The registry is at an address of the server itself, and the app was not granted it."""

    code = "registry-not-allowed"


class NotRoot(DeniedError):
    """Only root may do this on the server's machine."""

    code = "not-root"
