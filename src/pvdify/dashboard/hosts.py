"""What the name of the dashboard's host allows."""

import ipaddress

from starlette.requests import Request


def can_have_passkeys(request: Request) -> bool:
    """Whether browsers have passkeys for this address: they have none for one that is a number."""
    host = request.url.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(host)
    return False
