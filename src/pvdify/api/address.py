"""Who sends a request, where something in front of us passes it on."""

import ipaddress

from starlette.requests import Request

from pvdify.settings import Settings

UNKNOWN = "unknown"


def address_of(request: Request, settings: Settings) -> str:
    """The sender's address: what a trusted proxy says of it, else where the connection comes from.

    An IPv6 sender is its /64, since whoever has one address of it has all of them.
    """
    peer = request.client.host if request.client else UNKNOWN
    said = _said(request, settings) if _is_trusted(peer, settings) else None
    return _grouped(said or peer)


def _said(request: Request, settings: Settings) -> str | None:
    for name in settings.client_address_headers:
        # The last one was added by the proxy that we trust; what stands before it anybody could have sent.
        last = request.headers.get(name, "").rpartition(",")[2].strip()
        if last:
            return last
    return None


def _is_trusted(peer: str, settings: Settings) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in settings.trusted_proxies)


def _grouped(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))
