"""Check that workflows and webhooks reach the API at its public URL: the router's route, DNS, and the request path."""

import http.client
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from pvdify.settings import Settings
from pvdify.wire.answers import Check

NAME = "public URL"
HEALTH = "/api/v1/health"
SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of one request. ``is_ours``: pvdifyd answered; ``text``: else the error or the other answer."""

    is_ours: bool
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The observed facts.

    ``router``: the router's answer; ``addresses``: the hostname's addresses. ``outside``: the answer at the public URL;
    None if the hostname has no address.
    """

    router: Answer
    addresses: tuple[str, ...]
    outside: Answer | None


def check(settings: Settings) -> Check:
    """Observe and judge. Takes several seconds if nothing answers: each request may take SECONDS."""
    if not settings.is_api_exposed:
        return Check(name=NAME, state="ok", text="the API is not public (expose_api=off)")
    return judge(settings, see(settings))


def see(settings: Settings) -> Seen:
    """Send a request to the router like a proxy in front of it, resolve the hostname, and request the public URL."""
    public = urlsplit(settings.audience)
    hostname = public.hostname or ""
    listen = settings.router_listen.from_here
    router = _ask(lambda: http.client.HTTPConnection(listen.host, listen.port, timeout=SECONDS), hostname, public.path)
    addresses = _addresses(hostname)
    kind = http.client.HTTPSConnection if public.scheme == "https" else http.client.HTTPConnection
    outside = _ask(lambda: kind(hostname, public.port, timeout=SECONDS), public.netloc, public.path)
    return Seen(router=router, addresses=addresses, outside=outside if addresses else None)


def judge(settings: Settings, seen: Seen) -> Check:
    """Return the check, with the command that repairs a problem. No I/O."""
    hostname = urlsplit(settings.audience).hostname
    if not seen.router.is_ours:
        text = f"the router does not route {hostname} to pvdifyd: {seen.router.text}"
        return Check(name=NAME, state="broken", text=text, next="systemctl restart pvdifyd.service")
    if seen.outside is None:
        text = f"the router routes {hostname} to pvdifyd, but the name has no address yet"
        repair = f"`pvdify server edge cloudflare`, or a DNS record for {hostname} that points to this machine"
        return Check(name=NAME, state="warning", text=text, next=repair)
    if not seen.outside.is_ours:
        text = f"{settings.audience} ({', '.join(seen.addresses)}) is not answered by pvdifyd: {seen.outside.text}"
        repair = (
            f"let the program that listens there forward {hostname} to {settings.router_listen}, with its Host header"
        )
        return Check(name=NAME, state="warning", text=text, next=repair)
    return Check(name=NAME, state="ok", text=f"{settings.audience} is answered by pvdifyd")


def _ask(connect: Callable[[], http.client.HTTPConnection], host: str, prefix: str) -> Answer:
    try:
        connection = connect()
        try:
            connection.request("GET", f"{prefix.rstrip('/')}{HEALTH}", headers={"Host": host})
            response = connection.getresponse()
            body = response.read(64 * 1024)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        return Answer(is_ours=False, text=getattr(error, "strerror", "") or str(error) or type(error).__name__)
    return _read(response.status, body)


def _read(status: int, body: bytes) -> Answer:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if status == 200 and isinstance(document, dict) and document.get("status") == "ok" and "version" in document:
        return Answer(is_ours=True)
    return Answer(is_ours=False, text=f"HTTP {status}, not the answer of pvdifyd")


def _addresses(hostname: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(hostname, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))
