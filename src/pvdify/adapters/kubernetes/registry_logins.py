"""The ``registry_logins`` port on a cluster: pvdifyd asks registries with them, and nodes pull with a Secret."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from pvdify.errors import RuntimeUnavailable, naming_cause
from pvdify.model.names import parent_of
from pvdify.model.registry import RegistryLogin
from pvdify.plumbing.registries import RegistryContent

_DOCKER_HUB = "docker.io"
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"  # under which kubelets look for logins to Docker Hub


class LoginFile(Protocol):
    """Where the logins are kept for requests of pvdifyd itself, on tmpfs."""

    def write(self, logins: Sequence[RegistryLogin]) -> None:
        """Replace what is kept. Raises OSError."""
        ...


class PullLogins:
    """The logins in use, in the form that nodes need."""

    def __init__(self) -> None:
        self._logins: tuple[RegistryLogin, ...] = ()

    def use(self, logins: Sequence[RegistryLogin]) -> None:
        """Use exactly these from now on."""
        self._logins = tuple(logins)

    def of(self, app: str) -> str:
        """Return the logins for the app's pulls as in ``~/.docker/config.json``; "" for none.

        The app's own ones come before those of the app that it is a preview of, and before shared ones.
        """
        parent = parent_of(app)
        order = [app, parent[0] if parent else app, None]
        auths: dict[str, dict[str, str]] = {}
        for owner in reversed(order):
            for login in self._logins:
                if login.app == owner:
                    auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
                    auths[_DOCKER_HUB_KEY if login.host == _DOCKER_HUB else login.host] = {"auth": auth}
        return json.dumps({"auths": auths}, sort_keys=True) if auths else ""


class ClusterRegistryLogins:
    """The logins at registries.

    Args:
        content: asks registries.
        file: keeps the logins for requests of pvdifyd itself.
        pulls: the logins in the form that nodes need.
        renew: gives the namespaces the logins in use.
    """

    def __init__(
        self, *, content: RegistryContent, file: LoginFile, pulls: PullLogins, renew: Callable[[], Awaitable[None]]
    ) -> None:  # fmt: skip
        self._content, self._file, self._pulls, self._renew = content, file, pulls, renew

    async def check(self, login: RegistryLogin) -> None:
        await self._content.check(login)

    async def use(self, logins: Sequence[RegistryLogin]) -> None:
        """See the port. Namespaces get them at once; a namespace that is made later gets them then."""
        with naming_cause(
            RuntimeUnavailable, "the logins to registries cannot be stored on this server",
            next="check /run on the server (`df /run`); running apps keep running",
        ):  # fmt: skip
            await asyncio.to_thread(self._file.write, logins)
        self._pulls.use(logins)
        await self._renew()
