"""pvdifyd does not start with user namespaces where they do not work."""

import json
from pathlib import Path

import pytest

from pvdify.daemon.user_namespaces import check_user_namespaces
from pvdify.errors import InvalidSetting
from pvdify.plumbing.command_runner import Argv, Completed
from pvdify.settings import Settings, load


class Podman:
    """A podman of a machine with cgroups v1."""

    def __init__(self) -> None:
        self.ran: list[Argv] = []

    async def run(self, argv: Argv, **_: object) -> Completed:
        self.ran.append(argv)
        host = {"cgroupVersion": "v1", "ociRuntime": {"name": "crun", "version": "crun version 1.8.1"}}
        store = {"graphDriverName": "overlay", "graphRoot": "/nowhere", "graphOptions": {}}
        return Completed(argv=argv, exit_code=0, stdout=json.dumps({"host": host, "store": store}), stderr="")


def settings(**flags: str) -> Settings:
    return load({"runtime": "podman", **flags}, {}, Path("/none.toml"))


async def test_a_machine_that_cannot_have_them_is_refused_with_the_cause_and_the_next_step(monkeypatch):
    monkeypatch.setattr("platform.release", lambda: "6.1.0")

    with pytest.raises(InvalidSetting, match="did not start with user_namespaces = on") as raised:
        await check_user_namespaces(settings(user_namespaces="on"), Podman())  # type: ignore[arg-type]

    assert "cgroups v1" in str(raised.value.why)
    assert "kernel's command line" in str(raised.value.next)


async def test_nothing_is_checked_while_the_setting_is_off():
    podman = Podman()

    await check_user_namespaces(settings(), podman)  # type: ignore[arg-type]

    assert podman.ran == []


async def test_the_containers_of_a_cluster_are_refused():
    with pytest.raises(InvalidSetting) as raised:
        await check_user_namespaces(settings(user_namespaces="on", runtime="kubernetes"), Podman())  # type: ignore[arg-type]

    assert "in a cluster" in str(raised.value.why)
