"""Private networks in memory: which there are, and which services are on them."""

from pvdify.model.private_network import PrivateNetwork
from tests.fakes.supervisor import FakeSupervisor


class FakePrivateNetworks:
    """Networks that outlive the daemon, as podman's do."""

    def __init__(self, supervisor: FakeSupervisor) -> None:
        self._supervisor = supervisor
        self._subnets: dict[str, str] = {}
        self._made = 0
        self.members: dict[str, set[str]] = {}

    async def make(self, id: str) -> str:
        if id not in self._subnets:
            self._subnets[id] = f"10.{89 + self._made // 256 % 150}.{self._made % 256}.0/24"
            self._made += 1
        return self._subnets[id]

    async def connect(self, instance: str, network: PrivateNetwork) -> None:
        self._subnets.setdefault(network.id, network.subnet)
        self.members.setdefault(network.id, set()).add(instance)

    async def disconnect(self, instance: str, network: PrivateNetwork) -> None:
        self.members.get(network.id, set()).discard(instance)

    async def find(self) -> frozenset[str]:
        return frozenset(self._subnets)

    async def remove(self, id: str) -> None:
        if id in self._subnets and not self._users(id):
            del self._subnets[id]
            self.members.pop(id, None)

    def _users(self, id: str) -> set[str]:
        there = self._supervisor.names
        connected = {name for name in self.members.get(id, set()) if name in there}
        return connected | {name for name in there if id in {it.id for it in self._supervisor.spec(name).networks}}
