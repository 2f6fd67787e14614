"""Server URLs: parsing and checks."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pvdify.errors import InvalidSetting

_FORMS = "write https://HOST, http://127.0.0.1:PORT, or unix:///PATH of the server's socket"
_LOOPBACK = r"localhost|127(\.\d{1,3}){3}|::1"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A server's address.

    ``path`` is the prefix before ``/api``; for a unix socket it is the path of the socket.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The normalized URL, under which logins are saved."""
        if self.scheme == "unix":
            return f"unix://{self.path}"
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Host and port, as in the Host header of a request; the port of the scheme is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def check_secrecy(self) -> None:
        """Raise InvalidSetting if the connection is not encrypted and leaves this machine."""
        if self.scheme == "http" and not is_loopback(self.host):
            raise InvalidSetting(
                f"the token is not sent to {self.url}",
                why="plain http to another host: the token could be read on the way",
                next=f"use https://{self.host}, or a tunnel to the server's loopback address",
            )


def is_loopback(host: str) -> bool:
    """Return whether a connection to this host stays on this machine."""
    return re.fullmatch(_LOOPBACK, host) is not None


def parse_url(url: str) -> Endpoint:
    """Parse a server's URL. Raises InvalidSetting."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise InvalidSetting(f'"{url}" is not a URL', why=str(error), next=_FORMS) from error
    if parts.scheme == "unix":
        return _parse_unix(url, parts.netloc, parts.path)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        hint = f"write https://{url}" if re.fullmatch(r"[\w.-]+(:\d+)?", url) else _FORMS
        raise InvalidSetting(f'"{url}" is not the URL of a server', next=hint)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidSetting(
            "the server's URL has more than a host, a port and a path",
            why="names, passwords and queries have no meaning here",
            next="give the token in PVDIFY_TOKEN, or by `pvdify login`",
        )
    return Endpoint(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or _DEFAULT_PORTS[parts.scheme],
        path=parts.path.rstrip("/"),
    )


def _parse_unix(url: str, host: str, path: str) -> Endpoint:
    if host or not path:
        raise InvalidSetting(f'"{url}" does not name a socket', next=f"write unix:///PATH with three slashes: {_FORMS}")
    return Endpoint(scheme="unix", host="localhost", port=0, path=path)
