"""The choice of the server that requests go to, and of the token they carry."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.client.endpoint import Endpoint, parse_url
from pvdify.client.saved_login import SavedLogins, load, login_file
from pvdify.errors import InvalidSetting

SOCKET = Path("/run/pvdify/pvdifyd.sock")
SETTINGS = Path("/etc/pvdify/pvdifyd.toml")
DEFAULT_URL = "https://pvdify.win"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server and the token for it.

    A token is only sent over TLS or on this machine. ``is_default``: the user named no server, so no token is sent.
    """

    endpoint: Endpoint
    token: str | None = field(default=None, repr=False)
    is_default: bool = False

    def __post_init__(self) -> None:
        if self.token is None:
            return
        self.endpoint.check_secrecy()
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise InvalidSetting(
                "the token has characters that no token has",
                why="spaces, line breaks or letters beyond ASCII: was something else pasted?",
                next="set PVDIFY_TOKEN to the token alone, or `pvdify login` again",
            )

    def check_chosen(self) -> None:
        """Raise InvalidSetting if no server was named. Call this before sending anything secret."""
        if self.is_default:
            raise InvalidSetting(
                f"no server was named, and a token is not sent to {self.endpoint.url} by default",
                why="PVDIFY_URL is not set, nothing is saved from `pvdify login`, and no pvdifyd runs here",
                next=f"set PVDIFY_URL to your server; if it is {self.endpoint.url}, set it to that",
            )


def find_target(
    url: str | None, environ: Mapping[str, str], *, server: str | None = None, socket: Path | None = SOCKET,
    settings: Path | None = SETTINGS,
) -> Target:  # fmt: skip
    """Choose the server and the token. Raises InvalidSetting.

    The server is the first of: ``url``, the saved server named ``server``, PVDIFY_URL, the saved server in use, this
    machine's own socket, pvdify.win. The token is PVDIFY_TOKEN, or the one saved for that server. ``settings`` is a
    file that exists if this machine has a server.
    """
    wanted = url or ("" if server else environ.get("PVDIFY_URL", ""))
    token = environ.get("PVDIFY_TOKEN", "").strip()
    # Read the saved logins only if the flag and the environment do not decide everything.
    saved = SavedLogins() if wanted and token else load(login_file(environ))
    if server is not None and url is None:
        if server not in saved.names:
            raise server_not_found(server, saved)
        wanted = saved.names[server]
    chosen = wanted or saved.url or _socket_url(socket, settings)
    endpoint = parse_url(chosen or DEFAULT_URL)
    return Target(endpoint=endpoint, token=token or saved.tokens.get(endpoint.url), is_default=not chosen)


def server_not_found(name: str, saved: SavedLogins) -> InvalidSetting:
    """Return the error for a name under which no server is saved."""
    known = ", ".join(saved.names)
    return InvalidSetting(
        f"no server is known as {name} here",
        why=f"known are {known}" if known else "none has a name yet",
        next=f"pvdify servers:add {name} URL",
    )


def _socket_url(socket: Path | None, settings: Path | None) -> str | None:
    """Return the socket's URL if this user may use the socket.

    If pvdifyd is stopped, a user who may change its settings still means this server.
    """
    if socket is None:
        return None
    try:
        is_usable = stat.S_ISSOCK(socket.stat().st_mode) and os.access(socket, os.W_OK)
    except OSError:
        is_usable = settings is not None and os.access(settings, os.R_OK | os.W_OK)
    return f"unix://{socket}" if is_usable else None
