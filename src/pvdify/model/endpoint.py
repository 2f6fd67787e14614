"""Endpoints: the addresses at which instances take requests, on this machine or another one."""

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Self

_UNIX = "unix:"


@dataclass(frozen=True, order=True)
class Endpoint:
    """A TCP address, or a Unix socket: then ``host`` is the socket's absolute path, and ``port`` is 0."""

    host: str
    port: int = 0

    @property
    def is_unix(self) -> bool:
        """Whether this is a Unix socket."""
        return self.host.startswith("/")

    def __str__(self) -> str:
        if self.is_unix:
            return f"{_UNIX}{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def short(self) -> str:
        """The display form: only the port if the instance is on this machine."""
        return f":{self.port}" if _is_loopback(self.host) else str(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of ``str``. Raises ValueError."""
        if text.startswith(f"{_UNIX}/"):
            return cls(text.removeprefix(_UNIX))
        host, colon, port = text.rpartition(":")
        if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"expected HOST:PORT or {_UNIX}/PATH, got {text!r}")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


class NoRoute(Enum):
    """The endpoint of an instance that gets no requests, such as a worker."""

    NO_ROUTE = "no-route"


NO_ROUTE: Literal[NoRoute.NO_ROUTE] = NoRoute.NO_ROUTE


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """The way of requests to a container: they are sent to ``at``; the program listens on ``port`` inside."""

    port: int
    at: Endpoint


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
