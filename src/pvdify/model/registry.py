"""Logins to image registries."""

import re
from dataclasses import dataclass
from datetime import datetime

from pvdify.errors import InvalidImageReference, InvalidRegistry
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import Secret

_DOCKER_HUB = {"docker.com", "hub.docker.com", "index.docker.io", "registry-1.docker.io", "www.docker.com"}
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
LONGEST = 8192  # characters of a user name or a password


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """A login to a registry, for one app and its previews, or for every app if ``app`` is None.

    ``host`` is the beginning of image references.
    """

    host: str
    username: str
    password: Secret
    app: str | None = None
    created_at: datetime
    created_by: str


def check_registry_host(text: str) -> str:
    """Return the host as in image references; all names of Docker Hub become ``docker.io``. Raises InvalidRegistry."""
    host = _SCHEME.sub("", text.strip(), count=1).rstrip("/").lower()
    host = "docker.io" if host in _DOCKER_HUB or host == "index.docker.io/v1" else host
    try:
        parsed = parse_image_reference(f"{host}/image")
    except InvalidImageReference:
        parsed = None
    if parsed is None or parsed.host != host or parsed.is_local:
        raise InvalidRegistry(
            f'"{text}" is not the host of an image registry',
            why="expected what an image reference begins with, up to the first slash",
            next="for ghcr.io/org/app:v1 that is `pvdify registry:login ghcr.io -u USER`",
        )
    return host


def check_registry_login(host: str, username: str, password: str) -> None:
    """Check that a registry can accept these at all. Raises InvalidRegistry."""
    problems = []
    if not username or ":" in username or not username.isprintable() or len(username) > LONGEST:
        problems.append("username: expected printable characters without a colon")
    if not password or any(character in password for character in "\0\r\n") or len(password) > LONGEST:
        problems.append("password: expected one line that is not empty")
    if problems:
        raise InvalidRegistry(
            f"this server was not signed in to {host}", details={"problems": problems},
            next=f"`pvdify registry:login {host} -u USER`, with the password or access token on stdin",
        )  # fmt: skip
