"""The address of a request's sender, also behind the router or a trusted proxy."""

import ipaddress
from functools import lru_cache

from starlette.requests import Request

from pvdify.engine.front_door import Engine
from pvdify.ports.router import API_KEY_HEADER
from pvdify.settings import Settings

UNKNOWN = "unknown"
REMEMBERED = 1024  # addresses; parsing one takes as long as finding an app


async def address_of(request: Request, engine: Engine) -> str:
    """Return the sender's address as limits count it: an IPv6 sender is its /64, all of which belongs to the sender."""
    return _grouped(await sender_of(request, engine))


async def sender_of(request: Request, engine: Engine) -> str:
    """Return the sender's address: the one that the router or a trusted proxy names, else the peer's.

    The router is recognized by its key, not by loopback: every program on this machine can connect from there.
    """
    key = request.headers.get(API_KEY_HEADER)
    if key and await engine.observations.is_from_router(key):
        return _plain(_last(request, "X-Forwarded-For") or UNKNOWN)
    peer = request.client.host if request.client else UNKNOWN
    said = None
    if _is_trusted(peer, engine.settings):
        said = _said(request, engine.settings, engine.edge.address_headers)
    return _plain(said or peer)


def _said(request: Request, settings: Settings, of_edge: tuple[str, ...]) -> str | None:
    for name in settings.address_headers(of_edge):
        if last := _last(request, name):
            return last
    return None


def _last(request: Request, name: str) -> str | None:
    # The trusted proxy added the last address; any client can forge the earlier ones.
    return request.headers.get(name, "").rpartition(",")[2].strip() or None


def _is_trusted(peer: str, settings: Settings) -> bool:
    """Return whether the peer is another machine that the settings name as a proxy."""
    return _is_in(peer, settings.trusted_proxies)


@lru_cache(maxsize=REMEMBERED)
def _is_in(peer: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return not address.is_loopback and any(address in ipaddress.ip_network(network) for network in networks)


@lru_cache(maxsize=REMEMBERED)
def _plain(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return UNKNOWN


def _grouped(text: str) -> str:
    if text == UNKNOWN:
        return UNKNOWN
    address = ipaddress.ip_address(text)
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))
