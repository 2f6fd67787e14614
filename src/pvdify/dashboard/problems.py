"""Error pages with the problem, the reason and the next step."""

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pvdify.dashboard.rendering import render
from pvdify.errors import NotSignedIn, PvdifyError
from pvdify.web.answers import json_answer
from pvdify.web.problems import TITLES, request_id_of, retry_after, status_of, unexpected

SIGN_IN = "/sign-in"
NO_SESSION = "no_session"


def no_session() -> NotSignedIn:
    """Return the error for a page that needs a session when there is none."""
    return NotSignedIn(
        "you are not signed in", next="open the sign-in page, or run `pvdify open`", details={NO_SESSION: True}
    )


async def answer_known(request: Request, error: Exception) -> Response:
    """Render a PvdifyError. A GET request without a session is redirected to the sign-in page."""
    if not isinstance(error, PvdifyError):
        raise error
    if error.details.get(NO_SESSION) and request.method == "GET":
        return _to_sign_in(request)
    return _page(request, error, status_of(error))


async def answer_http(request: Request, error: Exception) -> Response:
    """Render an HTTP error: the page does not exist, or does not support the method."""
    if not isinstance(error, HTTPException):
        raise error
    known = PvdifyError("there is no such page", why=request.url.path[:200], next="go to the start page")
    return _page(request, known, error.status_code)


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Render an unexpected error. The page shows a reference; the log has the details."""
    return _page(request, unexpected(request, error), 500)


def _to_sign_in(request: Request) -> Response:
    # A request from a link on another site has no session cookie (SameSite=Strict). A page of this site repeats it.
    if request.headers.get("sec-fetch-site") == "cross-site":
        return moving_on(own_path(request))
    return RedirectResponse(f"{SIGN_IN}?to={quote(own_path(request), safe='')}", 303)


def moving_on(path: str) -> Response:
    """Return a page that reloads to ``path``. The browser sends that request as one of this site, with its cookies."""
    return Response(render("moving_on.html", path=path), media_type="text/html")


def own_path(request: Request) -> str:
    """Return the path and query of a request."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _page(request: Request, error: PvdifyError, status: int) -> Response:
    if "application/json" in request.headers.get("accept", ""):  # the request of a script
        return json_answer({"detail": error.what, "why": error.why, "next": error.next}, status, retry_after(error))
    problems = error.details.get("problems")
    content = render(
        "problem.html", title=TITLES.get(status, "Error"), error=error, status=status,
        problems=problems if isinstance(problems, list) else [], request_id=request_id_of(request),
    )  # fmt: skip
    return Response(content, status, retry_after(error), "text/html")
