"""Each app's network: its instances, hooks and commands are on it, and nothing of any other app is."""

from collections.abc import Awaitable, Callable

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.labels import network_of
from pvdify.ports.command_runner import Argv, Completed


class Networks:
    """Made when an app's first container needs one, by whoever comes first; podman gives each a subnet that is free.

    Args:
        run: runs podman to its end.
        server_id: tells this server's networks from others'.
        binary: the podman command.
    """

    def __init__(self, *, run: Callable[[Argv], Awaitable[Completed]], server_id: str, binary: str) -> None:
        self._run = run
        self._server = server_id
        self._podman = binary
        self._made: set[str] = set()
        self._is_isolating = True

    async def ensure(self, app: str, *, is_certain: bool = False) -> None:
        """The app has its network. ``is_certain``: podman is asked also where it was there before.

        Raises RuntimeUnavailable.
        """
        if app in self._made and not is_certain:
            return
        done = await self._run(self.creation(app))
        if self._is_isolating and refusals.is_isolation_unknown(done):
            self._is_isolating = False  # one of old: `pvdify doctor` tells what that means
            done = await self._run(self.creation(app))
        if done.exit_code != 0 and not refusals.is_network_there(done):
            raise refusals.unavailable(done)
        self._made.add(app)

    def creation(self, app: str) -> Argv:
        """Make the app's network; fails where it is there."""
        return commands.create_network(self._podman, self._server, app, is_isolated=self._is_isolating)

    async def remove(self, app: str) -> None:
        """The app's network is gone, unless a container is still on it. Raises RuntimeUnavailable."""
        self._made.discard(app)
        done = await self._run(commands.remove_network(self._podman, network_of(self._server, app)))
        if done.exit_code != 0 and not (refusals.is_network_missing(done) or refusals.is_network_in_use(done)):
            raise refusals.unavailable(done)

    async def apps(self) -> frozenset[str]:
        """The apps that have a network here. Raises RuntimeUnavailable."""
        done = await self._run(commands.list_networks(self._podman, self._server))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return parse.apps_with_network(done.stdout, self._server)
