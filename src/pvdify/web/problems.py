"""The one table from an error's kind to its HTTP status, and what an unexpected exception becomes."""

import secrets

import structlog
from starlette.requests import Request

from pvdify.errors import (
    BackupTargetRefused,
    EdgeRefused,
    InternalError,
    Kind,
    MalformedRequest,
    NotSignedIn,
    PvdifyError,
    RegistryDenied,
    RequestTooLarge,
    RequestTooSlow,
    TooManyRequests,
)

log = structlog.get_logger()

STATUS_BY_KIND = {
    Kind.INVALID: 422,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.DENIED: 403,
    Kind.UNAVAILABLE: 503,
    Kind.FAILED: 500,
    Kind.INTERNAL: 500,
}
# Errors with a status of their own within a kind; the first that fits.
STATUS_BY_TYPE: tuple[tuple[type[PvdifyError], int], ...] = (
    (RequestTooLarge, 413),
    (RequestTooSlow, 408),
    (MalformedRequest, 400),
    (NotSignedIn, 401),
    (TooManyRequests, 429),
    # What the request brought is at fault, not this server.
    (RegistryDenied, 422),
    (EdgeRefused, 422),
    (BackupTargetRefused, 422),
)
TITLES = {
    400: "Malformed request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    408: "Too slow", 409: "Conflict", 413: "Too large", 422: "Invalid", 429: "Too many requests", 500: "Failed",
    503: "Unavailable",
}  # fmt: skip


def status_of(error: PvdifyError) -> int:
    """The HTTP status for an error: by its type if that has one of its own, else by its kind."""
    found = (status for type_, status in STATUS_BY_TYPE if isinstance(error, type_))
    return next(found, STATUS_BY_KIND[error.kind])


def request_id_of(request: Request) -> str:
    """The id that ``middleware.RequestId`` gave this request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def retry_after(error: PvdifyError) -> dict[str, str]:
    """The header that says when to ask again, where the error knows."""
    return {"Retry-After": str(error.details["retry_after"])} if "retry_after" in error.details else {}


def unexpected(request: Request, error: Exception) -> InternalError:
    """A fault of ours: write the details to the log, and return an error that refers to them."""
    reference = secrets.token_hex(4)
    log.error("request.crashed", path=request.url.path, method=request.method, reference=reference, exc_info=error)
    return InternalError(
        "pvdify itself failed to answer this request",
        why=f"{type(error).__name__}; reference {reference}",
        next="look for the reference in pvdifyd's log, and report it",
    )
