"""The session's cookie. Only the browser and the hash in the database know its text."""

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from pvdify.settings import Settings

SECURE_NAME = "__Host-pvdify"
ATTEMPT_SECONDS = 600


def is_over_https(request: Request, settings: Settings) -> bool:
    """Whether the browser speaks https: at the public name it does, unless this machine is its own domain."""
    public, host = urlsplit(settings.audience), request.headers.get("host", "").lower()
    if public.scheme != "https" or settings.is_local or _is_loopback(host):
        return False
    return host in {public.netloc.lower(), f"{public.hostname}:443"}


def name_of(request: Request, settings: Settings) -> str:
    """The cookie's name. Cookies are shared by all ports of a host, so on loopback each server has its own name."""
    return SECURE_NAME if is_over_https(request, settings) else f"pvdify-{settings.server_id}"


def read(request: Request, settings: Settings) -> str:
    """Return the text of the session's cookie, or ""."""
    return request.cookies.get(name_of(request, settings), "")


def write(response: Response, request: Request, settings: Settings, text: str, seconds: int) -> None:
    """Have the browser keep the session, for this site's own requests alone."""
    response.set_cookie(
        name_of(request, settings), text, max_age=seconds, httponly=True, samesite="strict",
        secure=is_over_https(request, settings),
    )  # fmt: skip


def clear(response: Response, request: Request, settings: Settings) -> None:
    """Have the browser forget the session."""
    response.delete_cookie(
        name_of(request, settings), httponly=True, samesite="strict", secure=is_over_https(request, settings)
    )


def origin_of(request: Request, settings: Settings) -> str:
    """How the browser calls this site."""
    return f"{'https' if is_over_https(request, settings) else 'http'}://{request.headers.get('host', '').lower()}"


def write_attempt(response: Response, request: Request, settings: Settings, text: str) -> None:
    """Have the browser bring this back from a provider; ``lax``, since it comes back from another site."""
    response.set_cookie(
        f"{name_of(request, settings)}-attempt", text, max_age=ATTEMPT_SECONDS, httponly=True, samesite="lax",
        secure=is_over_https(request, settings),
    )  # fmt: skip


def read_attempt(request: Request, settings: Settings) -> str:
    """Return what the browser brought back, or ""."""
    return request.cookies.get(f"{name_of(request, settings)}-attempt", "")


def clear_attempt(response: Response, request: Request, settings: Settings) -> None:
    """Have the browser forget it."""
    response.delete_cookie(
        f"{name_of(request, settings)}-attempt", httponly=True, samesite="lax", secure=is_over_https(request, settings)
    )


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
