"""Errors of requests that the client is not allowed to make."""

from pvdify.errors.kinds import DeniedError


class NotSignedIn(DeniedError):
    """The token is missing, unknown, expired or revoked."""

    code = "not-signed-in"


class WebhookNotSigned(NotSignedIn):
    """The webhook has no signature, or its signature does not match this server's secret."""

    code = "webhook-not-signed"


class IdentityRefused(NotSignedIn):
    """A workflow's token was refused; ``details["claim"]`` is the claim at fault."""

    code = "identity-refused"


class SignInRefused(NotSignedIn):
    """A sign-in with a provider or a passkey was refused."""

    code = "sign-in-refused"


class NotInvited(DeniedError):
    """The account at the provider has no invitation to this server."""

    code = "not-invited"


class ForkNotAllowed(DeniedError):
    """The pull request comes from a fork, and no preview was allowed for it."""

    code = "fork-not-allowed"


class HostnameNotGranted(DeniedError):
    """The hostname is not the app's default one, and was not granted with a token for the whole server."""

    code = "hostname-not-granted"


class RegistryNotAllowed(DeniedError):
    """The registry is at an address of the server itself, and was not granted to the app."""

    code = "registry-not-allowed"


class NotRoot(DeniedError):
    """Only root on the server may do this."""

    code = "not-root"
