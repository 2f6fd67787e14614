"""A sentence about what was just done, shown once by the next page."""

import base64
import binascii

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "pvdify-notice"
LONGEST = 1000
SECONDS = 30


def write(response: Response, notice: str) -> None:
    """Keep a notice for the next page of this browser."""
    text = base64.urlsafe_b64encode(notice[:LONGEST].encode()).decode()
    response.set_cookie(COOKIE, text, max_age=SECONDS, httponly=True, samesite="strict")


def read(request: Request) -> str:
    """Return the notice that waits, or ""."""
    text = request.cookies.get(COOKIE, "")
    try:
        return base64.urlsafe_b64decode(text).decode()[:LONGEST]
    except (binascii.Error, ValueError):
        return ""


def clear(response: Response) -> None:
    """Forget the notice, which has been shown."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
