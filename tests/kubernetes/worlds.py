"""The real cluster as a world of the contract suites, which run here with other fixtures."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from pvdify.adapters.clock.clock import SystemClock
from pvdify.model.endpoint import Endpoint, Exposed
from pvdify.ports.runtime import Runtime
from tests.support.cluster_runtime import ClusterServer

SERVICES = "10.211"  # the first half of the addresses of Services, of which the upper half is given out last


@dataclass
class ClusterWorld:
    server: ClusterServer
    image_id: str
    clock: SystemClock
    supervisor: Runtime
    first_port: int = 80

    def exposed(self, number: int) -> Exposed:
        """An address that nothing has, as ``places`` would have reserved it."""
        address = f"{SERVICES}.{random.randrange(128, 255)}.{random.randrange(1, 255)}"
        return Exposed(port=8080, at=Endpoint(address, 80))

    async def lose_daemon(self) -> None:
        await self.server.close()
        self.supervisor = self.server.runtime()


def suite(module: ModuleType, *, without: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """The tests of a contract suite by name, without those that are different on a cluster or for podman alone."""
    names = [name for name in dir(module) if name.startswith("test_")]
    assert set(without) <= set(names), "a test that is left out has another name now"
    for name in names:
        test = getattr(module, name)
        marks = {mark.name for mark in getattr(test, "pytestmark", ())}
        if name not in without and "podman" not in marks:
            yield name, test
