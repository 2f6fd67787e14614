"""Notices: a sentence about the action that just succeeded, which the next page shows once. Stored in a cookie."""

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "pvdify-notice"
LONGEST = 1000  # characters
SECONDS = 30  # how long a browser keeps a notice that no page has shown


def write(response: Response, notice: str) -> None:
    """Set the notice for the next page of this browser."""
    text = base64.urlsafe_b64encode(notice[:LONGEST].encode()).decode()
    response.set_cookie(COOKIE, text, max_age=SECONDS, httponly=True, samesite="strict")


def read(request: Request) -> str:
    """Return the notice to show, or ""."""
    text = request.cookies.get(COOKIE, "")
    try:
        return base64.urlsafe_b64decode(text).decode()[:LONGEST]
    except (binascii.Error, ValueError):
        return ""


def clear(response: Response) -> None:
    """Delete the notice after a page has shown it."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
