"""What whoever asks may not do."""

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


class ForkNotAllowed(DeniedError):
    """The pull request comes from a fork, and nobody who may has allowed it a preview."""

    code = "fork-not-allowed"


class NotRoot(DeniedError):
    """Only root may do this on the server's machine."""

    code = "not-root"
