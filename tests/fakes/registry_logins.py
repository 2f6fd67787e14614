"""Registry logins in memory."""

from collections.abc import Sequence

from pvdify.errors import RegistryDenied, RegistryUnavailable
from pvdify.model.registry import RegistryLogin
from tests.fakes.images import FakeRegistry


class FakeRegistryLogins:
    """``passwords`` is what registries accept: host and user -> password; ``used`` is what is signed in with."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.passwords: dict[tuple[str, str], str] = {}
        self.used: tuple[RegistryLogin, ...] = ()
        self._registry = registry

    async def check(self, login: RegistryLogin) -> None:
        again = f"`pvdify registry:login {login.host} -u {login.username}`"
        if login.host in self._registry.offline:
            raise RegistryUnavailable(f"{login.host} does not answer", why="connection refused", next=again)
        if self.passwords.get((login.host, login.username)) != login.password:
            raise RegistryDenied(f"{login.host} does not accept this password", why="unauthorized", next=again)

    async def use(self, logins: Sequence[RegistryLogin]) -> None:
        self.used = tuple(logins)
