"""Which server to ask, and as whom."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.client.endpoint import Endpoint, parse_url
from pvdify.client.saved_login import SavedLogins, load, login_file
from pvdify.errors import InvalidSetting

SOCKET = Path("/run/pvdify/pvdifyd.sock")
DEFAULT_URL = "https://pvdify.win"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server and the token for it. A token never goes where others could read it on its way."""

    endpoint: Endpoint
    token: str | None = field(default=None, repr=False)

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


def find_target(url: str | None, environ: Mapping[str, str], *, socket: Path | None = SOCKET) -> Target:
    """The server: ``url``, PVDIFY_URL, the saved login, the server's own socket, or pvdify.win.

    The token: PVDIFY_TOKEN, or the one saved for that server. Raises InvalidSetting.
    """
    # What is saved matters only where the flag and the environment leave something open.
    wanted = url or environ.get("PVDIFY_URL", "")
    token = environ.get("PVDIFY_TOKEN", "").strip()
    saved = SavedLogins() if wanted and token else load(login_file(environ))
    endpoint = parse_url(wanted or saved.url or _socket_url(socket) or DEFAULT_URL)
    return Target(endpoint=endpoint, token=token or saved.tokens.get(endpoint.url))


def _socket_url(socket: Path | None) -> str | None:
    if socket is None:
        return None
    try:
        is_socket = stat.S_ISSOCK(socket.stat().st_mode)
    except OSError:
        return None
    return f"unix://{socket}" if is_socket and os.access(socket, os.W_OK) else None
