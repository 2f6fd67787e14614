"""Errors as HTTP answers: application/problem+json."""

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from pvdify.errors import PvdifyError
from pvdify.web.problems import TITLES, request_id_of, retry_after, status_of, unexpected
from pvdify.wire.answers import Problem


async def answer_known(request: Request, error: Exception) -> Response:
    """Return the response for a PvdifyError; re-raise any other error."""
    if not isinstance(error, PvdifyError):
        raise error
    return problem(request, error, status_of(error))


async def answer_http(request: Request, error: Exception) -> Response:
    """Return the response for an unknown path or method; re-raise any other error."""
    if not isinstance(error, HTTPException):
        raise error
    what = f"{request.method} {request.url.path} is not part of the API"
    known = PvdifyError(what, next="/api/v1/openapi.json lists every path and method")
    known.code = "not-found" if error.status_code == 404 else "method-not-allowed"  # type: ignore[misc]
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods_here(request))
    return problem(request, known, error.status_code, headers)


def _methods_here(request: Request) -> list[str]:
    """Return every method that this path has: Starlette names those of one route, and each of ours has one method."""
    here = [it for it in request.app.routes if isinstance(it, Route) and it.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in here for method in route.methods or ()})


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Log an unexpected exception, and return its reference with status 500."""
    return problem(request, unexpected(request, error), 500)


def problem(request: Request, error: PvdifyError, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an error as application/problem+json."""
    problems = error.details.get("problems")
    document = Problem(
        type=f"urn:pvdify:error:{error.code}",
        title=TITLES.get(status, "Error"),
        status=status,
        code=error.code,
        detail=error.what,
        why=error.why,
        next=error.next,
        request_id=request_id_of(request),
        problems=[str(item) for item in problems] if isinstance(problems, list) else [],
    )
    more = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    more |= retry_after(error)
    return Response(to_json(document), status, {**more, **(headers or {})}, "application/problem+json")
