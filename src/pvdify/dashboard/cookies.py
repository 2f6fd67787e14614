"""The session cookie, and the cookie of a sign-in attempt. The store has only a hash of the session cookie's text."""

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from pvdify.settings import Settings

SECURE_NAME = "__Host-pvdify"
ATTEMPT_SECONDS = 600  # how long a sign-in attempt is valid


def is_over_https(request: Request, settings: Settings) -> bool:
    """Return whether the browser uses https: at the public hostname, unless the server's domain is this machine."""
    public, host = urlsplit(settings.audience), request.headers.get("host", "").lower()
    if public.scheme != "https" or settings.is_local or _is_loopback(host):
        return False
    return host in {public.netloc.lower(), f"{public.hostname}:443"}


def name_of(request: Request, settings: Settings) -> str:
    """Return the session cookie's name.

    Without https the name contains the server's id, because all ports of a host share their cookies.
    """
    return SECURE_NAME if is_over_https(request, settings) else f"pvdify-{settings.server_id}"


def read(request: Request, settings: Settings) -> str:
    """Return the text of the session cookie, or ""."""
    return request.cookies.get(name_of(request, settings), "")


def write(response: Response, request: Request, settings: Settings, text: str, seconds: int) -> None:
    """Set the session cookie for ``seconds``; browsers send it only with requests from this site."""
    response.set_cookie(
        name_of(request, settings), text, max_age=seconds, httponly=True, samesite="strict",
        secure=is_over_https(request, settings),
    )  # fmt: skip


def clear(response: Response, request: Request, settings: Settings) -> None:
    """Delete the session cookie."""
    response.delete_cookie(
        name_of(request, settings), httponly=True, samesite="strict", secure=is_over_https(request, settings)
    )


def origin_of(request: Request, settings: Settings) -> str:
    """Return the origin of this site as the browser sees it, such as ``https://example.com``."""
    return f"{'https' if is_over_https(request, settings) else 'http'}://{request.headers.get('host', '').lower()}"


def write_attempt(response: Response, request: Request, settings: Settings, text: str) -> None:
    """Set the cookie of a sign-in attempt. ``lax``, because the provider's redirect comes from another site."""
    response.set_cookie(
        f"{name_of(request, settings)}-attempt", text, max_age=ATTEMPT_SECONDS, httponly=True, samesite="lax",
        secure=is_over_https(request, settings),
    )  # fmt: skip


def read_attempt(request: Request, settings: Settings) -> str:
    """Return the text of the sign-in attempt's cookie, or ""."""
    return request.cookies.get(f"{name_of(request, settings)}-attempt", "")


def clear_attempt(response: Response, request: Request, settings: Settings) -> None:
    """Delete the cookie of the sign-in attempt."""
    response.delete_cookie(
        f"{name_of(request, settings)}-attempt", httponly=True, samesite="lax", secure=is_over_https(request, settings)
    )


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
