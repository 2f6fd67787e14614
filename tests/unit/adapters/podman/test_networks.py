"""An app's network, on a podman with scripted answers."""

import pytest

from pvdify.adapters.podman.networks.networks import Networks
from pvdify.adapters.podman.parse import apps_with_network
from pvdify.errors import RuntimeUnavailable
from pvdify.plumbing.command_runner import Argv, Completed

THERE = "Error: network name pvdify-abc-shop already used: network already exists"
IN_USE = 'Error: "pvdify-abc-shop" has associated containers with it. Use -f: network is being used'
MISSING = "Error: unable to find network with name or ID pvdify-abc-shop: network not found"
NO_ISOLATION = "Error: unsupported bridge network option isolate"


class Podman:
    """Refuse the first calls with these messages, one for each call."""

    def __init__(self, *refusals: str) -> None:
        self.ran: list[Argv] = []
        self._refusals = list(refusals)

    async def run(self, argv: Argv) -> Completed:
        self.ran.append(argv)
        words = self._refusals.pop(0) if self._refusals else ""
        return Completed(argv=argv, exit_code=125 if words else 0, stdout="", stderr=words)


def networks(podman: Podman) -> Networks:
    return Networks(run=podman.run, server_id="abc", binary="podman")


async def test_a_network_is_created_once_and_again_after_its_removal() -> None:
    podman = Podman()
    ours = networks(podman)

    for _ in range(2):
        await ours.ensure("shop")
    await ours.remove("shop")
    await ours.ensure("shop")

    assert podman.ran == [ours.creation("shop"), ("podman", "network", "rm", "pvdify-abc-shop"), ours.creation("shop")]


async def test_an_existing_network_is_reused() -> None:
    podman = Podman(THERE, THERE)
    ours = networks(podman)

    await ours.ensure("shop")
    await ours.ensure("shop", is_certain=True)

    assert len(podman.ran) == 2


async def test_a_podman_without_network_isolation_gets_plain_networks() -> None:
    podman = Podman(NO_ISOLATION)
    ours = networks(podman)

    await ours.ensure("shop")
    await ours.ensure("blog")

    assert ["isolate=true" in argv for argv in podman.ran] == [True, False, False]
    assert "isolate=true" not in ours.creation("shop")


async def test_another_refusal_is_reported_with_podmans_message() -> None:
    ours = networks(Podman("Error: could not find free subnet from subnet pools"))

    with pytest.raises(RuntimeUnavailable) as failure:
        await ours.ensure("shop")

    assert failure.value.why == "could not find free subnet from subnet pools"


@pytest.mark.parametrize("words", [MISSING, IN_USE])
async def test_removing_a_missing_or_used_network_raises_no_error(words: str) -> None:
    podman = Podman(words)

    await networks(podman).remove("shop")

    assert len(podman.ran) == 1


def test_networks_of_other_servers_and_unlabelled_networks_are_ignored() -> None:
    text = """[
        {"name": "podman"},
        {"name": "a", "labels": {"io.pvdify.server": "abc", "io.pvdify.app": "shop"}},
        {"name": "b", "labels": {"io.pvdify.server": "other", "io.pvdify.app": "blog"}},
        {"name": "c", "labels": {"io.pvdify.server": "abc"}}
    ]"""

    assert apps_with_network(text, "abc") == {"shop"}
