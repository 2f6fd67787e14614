"""The networks of apps, services and links.

Each app has a network for its instances, hooks and commands only. A service has a network of its own as well, and each
link between an app and a service has a private network.
"""

from collections.abc import Awaitable, Callable
from functools import partial

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.labels import network_of
from pvdify.adapters.podman.networks.isolation import Isolation
from pvdify.adapters.podman.networks.metadata import MetadataRules
from pvdify.adapters.podman.reading import read
from pvdify.model.instance import InstanceSpec
from pvdify.model.private_network import PrivateNetwork
from pvdify.plumbing.command_runner import Argv, Completed


class Networks:
    """The networks of one server, made before the first container that needs them; podman chooses free subnets.

    Args:
        run: runs podman to its end.
        server_id: part of the names of this server's networks.
        binary: the podman command.
        blocks_metadata: containers must not reach the metadata services of clouds.
    """

    def __init__(
        self, *, run: Callable[[Argv], Awaitable[Completed]], server_id: str, binary: str,
        blocks_metadata: bool = False,
    ) -> None:  # fmt: skip
        self._run = run
        self._server = server_id
        self._podman = binary
        self._made: set[str] = set()
        self._is_isolating = True
        self._isolation = Isolation(run)
        self._metadata = MetadataRules(run, binary, server_id) if blocks_metadata else None

    async def ensure(self, app: str, *, is_certain: bool = False) -> None:
        """Make the app's network unless it exists. Raises RuntimeUnavailable.

        ``is_certain``: call podman even if an earlier call made or found the network.
        """
        await self._ensure(app, partial(self.creation, app), is_certain=is_certain)

    async def ensure_for(self, spec: InstanceSpec, *, is_certain: bool = False) -> None:
        """Make the networks that this container will be on, isolated from others. Raises RuntimeUnavailable."""
        await self._isolation.ensure()
        await self.ensure(spec.app, is_certain=is_certain)
        for network in spec.networks:
            await self._ensure(network.id, partial(self.private_creation, network), is_certain=is_certain)
        if self._metadata is not None:
            await self._metadata.check()

    def private_creation(self, network: PrivateNetwork) -> Argv:
        """Return the command that makes a private network with its known subnet; it fails if the network exists."""
        return self._private_creation(network.id, network.subnet)

    async def make_private(self, id: str) -> None:
        """Make a private network with a subnet that podman chooses, unless it exists. Raises RuntimeUnavailable."""
        await self._ensure(id, partial(self._private_creation, id, None), is_certain=True)

    def forget(self, id: str) -> None:
        """Check again whether this network exists before the next container is made."""
        self._made.discard(id)

    def creation(self, app: str) -> Argv:
        """Return the command that makes the app's network; it fails if the network exists."""
        return commands.create_network(self._podman, self._server, app, is_isolated=self._is_isolating)

    def _private_creation(self, id: str, subnet: str | None) -> Argv:
        return commands.create_private_network(
            self._podman, self._server, id, subnet, is_isolated=self._is_isolating
        )  # fmt: skip

    async def _ensure(self, name: str, creation: Callable[[], Argv], *, is_certain: bool) -> None:
        """Make a network unless it exists. ``name``: an app, or a private network's id, which differs by its dot."""
        if name in self._made and not is_certain:
            return
        done = await self._run(creation())
        if self._is_isolating and refusals.is_isolation_unknown(done):
            self._is_isolating = False  # an old podman: `pvdify doctor` reports the consequences
            done = await self._run(creation())
        if done.exit_code != 0 and not refusals.is_network_there(done):
            raise refusals.unavailable(done)
        self._made.add(name)
        if self._metadata is not None and done.exit_code == 0:
            self._metadata.note_change()

    async def remove(self, app: str) -> None:
        """Remove the app's network, unless it is missing or a container is still on it. Raises RuntimeUnavailable."""
        self._made.discard(app)
        done = await self._run(commands.remove_network(self._podman, network_of(self._server, app)))
        if done.exit_code != 0 and not (refusals.is_network_missing(done) or refusals.is_network_in_use(done)):
            raise refusals.unavailable(done)
        if done.exit_code == 0:
            await self.note_removal()

    async def note_removal(self) -> None:
        """Remove the rules of a removed network: another server's may get the same interface."""
        if self._metadata is not None:
            self._metadata.note_change()
            await self._metadata.check()

    async def keep_apart(self) -> None:
        await self._isolation.check()
        if self._metadata is not None:
            await self._metadata.check()

    async def apps(self) -> frozenset[str]:
        """Return the apps that have a network on this server. Raises RuntimeUnavailable."""
        done = await self._run(commands.list_networks(self._podman, self._server))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return await read(done.stdout, lambda text: parse.apps_with_network(text, self._server))
