"""Authenticate requests by token, or as root on the unix socket."""

import ipaddress
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from pvdify.engine.access.tokens import Tokens
from pvdify.errors import NotSignedIn
from pvdify.model.token import Actor, Role

ROOT = Actor(name="root", role=Role.ADMIN)
NOBODY = Actor(name="nobody", role=Role.READ)
Authenticate = Callable[[Request], Awaitable[Actor]]


async def as_root(_request: Request) -> Actor:
    """Return root: only root can open the unix socket."""
    return ROOT


def by_token(tokens: Tokens) -> Authenticate:
    """Accept ``Authorization: Bearer TOKEN`` alone. The returned function raises NotSignedIn, StoreUnavailable."""

    async def authenticate(request: Request) -> Actor:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise NotSignedIn(
                "this request carries no token",
                next="send `Authorization: Bearer TOKEN`; on the command line `pvdify login`, or set PVDIFY_TOKEN",
            )
        return await tokens.actor_of(text.strip())

    return authenticate


def is_from_this_machine(request: Request) -> bool:
    """Return whether the request comes over loopback, and not through a proxy or tunnel on this machine."""
    is_passed_on = any(name in request.headers for name in ("x-forwarded-for", "cf-connecting-ip", "forwarded", "via"))
    if request.client is None or is_passed_on:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
