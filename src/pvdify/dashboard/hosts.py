"""Checks of the hostname under which the browser opened the dashboard."""

import ipaddress

from starlette.requests import Request


def can_have_passkeys(request: Request) -> bool:
    """Return whether browsers support passkeys for the request's host; they do not for an IP address."""
    host = request.url.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host)
    return False
