"""Errors as HTTP answers: the one table from kind to status, and application/problem+json."""

import secrets

import structlog
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pvdify.errors import (
    InternalError,
    Kind,
    MalformedRequest,
    NotSignedIn,
    PvdifyError,
    RequestTooLarge,
    TooManyRequests,
)
from pvdify.wire.answers import Problem

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
# What HTTP tells apart within a kind; the first that fits.
STATUS_BY_TYPE: tuple[tuple[type[PvdifyError], int], ...] = (
    (RequestTooLarge, 413),
    (MalformedRequest, 400),
    (NotSignedIn, 401),
    (TooManyRequests, 429),
)
TITLES = {
    400: "Malformed request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Conflict", 413: "Too large", 422: "Invalid", 429: "Too many requests", 500: "Failed", 503: "Unavailable",
}  # fmt: skip


def status_of(error: PvdifyError) -> int:
    """The HTTP status for an error: by its type where HTTP tells more apart, else by its kind."""
    found = (status for type_, status in STATUS_BY_TYPE if isinstance(error, type_))
    return next(found, STATUS_BY_KIND[error.kind])


async def answer_known(request: Request, error: Exception) -> Response:
    """An error of ours."""
    if not isinstance(error, PvdifyError):
        raise error
    return problem(request, error, status_of(error))


async def answer_http(request: Request, error: Exception) -> Response:
    """No such path, or not with this method."""
    if not isinstance(error, HTTPException):
        raise error
    what = f"{request.method} {request.url.path} is not part of the API"
    known = PvdifyError(what, next="/api/v1/openapi.json lists every path and method")
    known.code = "not-found" if error.status_code == 404 else "method-not-allowed"  # type: ignore[misc]
    return problem(request, known, error.status_code, dict(error.headers or {}))


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: a reference for the caller, the details for the log."""
    reference = secrets.token_hex(4)
    log.error("request.crashed", path=request.url.path, method=request.method, reference=reference, exc_info=error)
    known = InternalError(
        "pvdify itself failed to answer this request",
        why=f"{type(error).__name__}; reference {reference}",
        next="look for the reference in pvdifyd's log, and report it",
    )
    return problem(request, known, 500)


def problem(request: Request, error: PvdifyError, status: int, headers: dict[str, str] | None = None) -> Response:
    """An error in the one shape that all errors have."""
    problems = error.details.get("problems")
    document = Problem(
        type=f"urn:pvdify:error:{error.code}",
        title=TITLES.get(status, "Error"),
        status=status,
        code=error.code,
        detail=error.what,
        why=error.why,
        next=error.next,
        request_id=str(request.scope.get("state", {}).get("request_id", "")),
        problems=[str(item) for item in problems] if isinstance(problems, list) else [],
    )
    more = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if "retry_after" in error.details:
        more["Retry-After"] = str(error.details["retry_after"])
    return Response(to_json(document), status, {**more, **(headers or {})}, "application/problem+json")
