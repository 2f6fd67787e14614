"""At its start pvdifyd finds out whether this machine can limit what a container writes into itself."""

import json
from pathlib import Path

from pvdify.adapters.podman.layers.bounds import Layers
from pvdify.daemon.container_disk import find_container_disk
from pvdify.model.layer_bound import LayerBound
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.settings import Settings, load


class Podman:
    """A podman whose storage is on ext4."""

    def __init__(self) -> None:
        self.ran: list[Argv] = []

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.ran.append(argv)
        status = {"Backing Filesystem": "extfs"}
        store = {"graphDriverName": "overlay", "graphRoot": "/srv", "graphOptions": {}, "graphStatus": status}
        return Completed(argv=argv, exit_code=0, stdout=json.dumps({"store": store}), stderr="")


def settings(**flags: str) -> Settings:
    return load({"runtime": "podman", **flags}, {}, Path("/none.toml"))


async def test_a_machine_without_quotas_runs_containers_without_a_limit():
    podman = Podman()

    found = await find_container_disk(settings(), podman)  # type: ignore[arg-type]

    assert found == Layers(bound=LayerBound(why="podman can limit it only on XFS, and /srv is on extfs"))
    assert podman.ran == [("podman", "info", "--format", "json")]


async def test_nothing_is_asked_if_all_containers_are_in_a_cluster():
    podman = Podman()

    assert await find_container_disk(settings(runtime="kubernetes"), podman) == Layers()  # type: ignore[arg-type]
    assert podman.ran == []
