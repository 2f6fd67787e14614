"""The one table from an error's kind to its HTTP status, and the error that an unexpected exception becomes."""

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
# Errors whose status differs from that of their kind; the first match counts.
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
    """Return the HTTP status of an error: by its type if listed there, else by its kind."""
    found = (status for type_, status in STATUS_BY_TYPE if isinstance(error, type_))
    return next(found, STATUS_BY_KIND[error.kind])


def request_id_of(request: Request) -> str:
    """Return the id that ``middleware.Observed`` gave this request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def retry_after(error: PvdifyError) -> dict[str, str]:
    """Return the Retry-After header, if the error names a delay; else no header."""
    return {"Retry-After": str(error.details["retry_after"])} if "retry_after" in error.details else {}


def unexpected(request: Request, error: Exception) -> InternalError:
    """Log an unexpected exception, and return an error with the reference of that log line."""
    reference = secrets.token_hex(4)
    log.error("request.crashed", path=request.url.path, method=request.method, reference=reference, exc_info=error)
    return InternalError(
        "pvdify itself failed to answer this request",
        why=f"{type(error).__name__}; reference {reference}",
        next="search pvdifyd's log for the reference, and report it",
    )
