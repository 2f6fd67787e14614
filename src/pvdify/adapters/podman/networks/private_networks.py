"""The ``private_networks`` port on podman: a bridge network for each link, isolated from all others."""

from pvdify.adapters.podman import commands, parse, refusals
from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.labels import private_network_of
from pvdify.adapters.podman.reading import read
from pvdify.errors import NothingRuns
from pvdify.model.private_network import PrivateNetwork


class PodmanPrivateNetworks:
    """The private networks of links. A service keeps its IP and MAC address at restarts, so apps need no name server.

    Args:
        calls: this server's use of podman.
    """

    def __init__(self, *, calls: Calls) -> None:
        self._calls = calls

    async def make(self, id: str) -> str:
        await self._calls.networks.make_private(id)
        done = await self._calls.run(commands.ask_for_subnet(self._calls.podman, self._name(id)))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return done.stdout.strip()

    async def connect(self, instance: str, network: PrivateNetwork) -> None:
        container = await self._calls.look_up(instance)
        if container is None:
            raise NothingRuns(f"{instance} does not run", next="`pvdify services` shows what runs")
        argv = commands.connect_service(self._calls.podman, self._calls.server, container, network)
        done = await self._calls.run(argv)
        if refusals.is_network_missing(done):
            self._calls.networks.forget(network.id)
            await self._calls.run(self._calls.networks.private_creation(network))
            done = await self._calls.run(argv)
        if done.exit_code != 0 and not refusals.is_connected(done):
            raise refusals.unavailable(done)

    async def disconnect(self, instance: str, network: PrivateNetwork) -> None:
        container = await self._calls.look_up(instance)
        if container is None:
            return
        done = await self._calls.run(
            commands.disconnect_service(self._calls.podman, self._calls.server, container, network)
        )
        is_off = refusals.is_not_connected(done) or refusals.is_network_missing(done)
        if done.exit_code != 0 and not (is_off or refusals.is_container_missing(done)):
            raise refusals.unavailable(done)

    async def find(self) -> frozenset[str]:
        done = await self._calls.run(commands.list_networks(self._calls.podman, self._calls.server))
        if done.exit_code != 0:
            raise refusals.unavailable(done)
        return await read(done.stdout, lambda text: parse.private_networks(text, self._calls.server))

    async def remove(self, id: str) -> None:
        self._calls.networks.forget(id)
        done = await self._calls.run(commands.remove_network(self._calls.podman, self._name(id)))
        if done.exit_code != 0 and not (refusals.is_network_missing(done) or refusals.is_network_in_use(done)):
            raise refusals.unavailable(done)
        if done.exit_code == 0:
            await self._calls.networks.note_removal()

    def _name(self, id: str) -> str:
        return private_network_of(self._calls.server, id)
