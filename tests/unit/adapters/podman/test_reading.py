"""Long lists of podman are parsed in a thread, so that other requests are served meanwhile."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pvdify.adapters.podman.calls import Calls
from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.adapters.podman.labels import Identity
from pvdify.adapters.podman.networks.private_networks import PodmanPrivateNetworks
from pvdify.adapters.podman.volumes.disk_meter import PodmanDiskMeter
from pvdify.model.instance import Role
from pvdify.plumbing.command_runner import Argv, Completed
from tests.support.endpoints import here

COUNT = 1000


class Printed:
    """A podman with this many containers, networks, volumes and images; it answers immediately."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def run(self, argv: Argv, **_: object) -> Completed:
        text = json.dumps([self._thing(number) for number in range(self._count)])
        return Completed(argv=argv, exit_code=0, stdout=text, stderr="")

    def _thing(self, number: int) -> dict[str, object]:
        identity = Identity(
            server="abc", name=f"pvdify-a{number}-web-v1-1", app=f"a{number}", process="web", slot=1, number=1,
            role=Role.INSTANCE, operation="", endpoint=here(3001)[0],
        )  # fmt: skip
        labels = identity.labels() | {"io.pvdify.volume": f"v{number}", "io.pvdify.private-network": f"p{number}"}
        return {"Id": f"{number:064x}", "Labels": labels, "State": "running", "Mountpoint": f"/m/{number}",
                "Names": [f"localhost/pvdify/abc/a{number}:v1"]}  # fmt: skip


def readers(count: int) -> dict[str, Callable[[], Awaitable[object]]]:
    runner = Printed(count)
    calls = Calls(runner=runner, server_id="abc", launcher_dir=Path("/l"), binary="podman")  # type: ignore[arg-type]
    images = PodmanImages(runner=runner, server_id="abc")  # type: ignore[arg-type]
    return {
        "ps": calls.list,
        "network ls": calls.networks.apps,
        "network ls of services": PodmanPrivateNetworks(calls=calls).find,
        "volume ls": calls.volumes.find,
        "volume ls with directories": PodmanDiskMeter(calls=calls, log_dir=Path("/l"))._volumes,
        "images": lambda: images._named("*"),
    }


async def turns_during(read: Callable[[], Awaitable[object]]) -> int:
    """Return how often another task got its turn meanwhile."""
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(take_turns())
    await read()
    other.cancel()
    return turns


@pytest.mark.parametrize("name", readers(0))
async def test_a_thousand_entries_are_parsed_in_a_thread(name: str) -> None:
    assert await turns_during(readers(COUNT)[name]) > 0


@pytest.mark.parametrize("name", readers(0))
async def test_a_few_entries_are_parsed_without_a_thread(name: str) -> None:
    assert await turns_during(readers(3)[name]) == 0
