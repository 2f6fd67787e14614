"""Notices: a sentence about the action that just succeeded, which the next page shows once. Stored in a cookie."""

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response

# Over https with a prefix that browsers accept from this very host alone: an app below the same domain cannot set it.
COOKIE, SECURE_COOKIE = "pvdify-notice", "__Host-pvdify-notice"
LONGEST = 1000  # characters
SECONDS = 30  # how long a browser keeps a notice that no page has shown


def write(response: Response, notice: str, *, is_secure: bool) -> None:
    """Set the notice for the next page of this browser."""
    text = base64.urlsafe_b64encode(notice[:LONGEST].encode()).decode()
    response.set_cookie(
        _name(is_secure=is_secure), text, max_age=SECONDS, httponly=True, samesite="strict", secure=is_secure
    )  # fmt: skip


def read(request: Request, *, is_secure: bool) -> str:
    """Return the notice to show, or ""."""
    text = request.cookies.get(_name(is_secure=is_secure), "")
    try:
        return base64.urlsafe_b64decode(text).decode()[:LONGEST]
    except (binascii.Error, ValueError):
        return ""


def clear(response: Response, *, is_secure: bool) -> None:
    """Delete the notice after a page has shown it."""
    response.delete_cookie(_name(is_secure=is_secure), httponly=True, samesite="strict", secure=is_secure)


def _name(*, is_secure: bool) -> str:
    return SECURE_COOKIE if is_secure else COOKIE
