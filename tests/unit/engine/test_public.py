"""The check of the public URL after a deploy: its result is reported, and undoes nothing."""

import pytest

from pvdify.model.deploy_log import EntryKind
from pvdify.model.edge import EdgeLink
from pvdify.model.instance import Secret
from pvdify.model.public import Obstacle, PublicAnswer
from pvdify.model.release import ReleaseStatus
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent

V1 = "reg.example.com/shop:v1"


def machine_with(**settings: str) -> tuple[Machine, Daemon]:
    machine = Machine(**settings)
    machine.registry.push(V1)
    return machine, machine.daemon()


async def notes(machine: Machine, version: int = 1) -> list[str]:
    return [it.text for it in await machine.deploy_log.read("shop", version) if it.kind is EntryKind.NOTE]


async def done(machine: Machine) -> str:
    entries = await machine.deploy_log.read("shop", 1)
    return next((it.text for it in entries if it.step == "public" and it.kind is EntryKind.STEP_DONE), "")


async def test_a_release_behind_an_edge_is_asked_for_at_its_public_address_with_a_new_nonce_each_time():
    machine, daemon = machine_with()
    await daemon.edge.connect(EdgeLink(token=Secret("t")), ACTOR)

    for _ in range(2):
        await daemon.deploy(image=V1)

    assert await done(machine) == "https://shop.example.com shows v1"
    assert len(set(machine.public.looked)) == 2
    assert all(url.startswith("https://shop.example.com/.well-known/pvdify/confirm/") for url in machine.public.looked)
    await daemon.bury()


async def test_an_obstacle_at_the_public_url_is_reported_and_nothing_is_undone():
    machine, daemon = machine_with(confirm_public="always")
    machine.public.answer = PublicAnswer(obstacle=Obstacle.NO_NAME, text="Name or service not known")
    begun = machine.clock.monotonic()

    release = await daemon.deploy(image=V1)

    assert (release.status, release.failure) == (ReleaseStatus.ACTIVE, None)
    assert machine.clock.monotonic() - begun < 10
    assert await done(machine) == "not seen from outside"
    (note,) = await notes(machine)
    assert note.startswith("v1 is live, but not seen from outside: DNS: shop.example.com is not known")
    assert "`pvdify server edge`" in note
    assert [it.action for it in await machine.store.events("shop")][1] == "release.unseen"
    await assert_consistent(machine)
    await daemon.bury()


async def test_an_answer_of_another_release_is_no_proof():
    machine, daemon = machine_with(confirm_public="always")
    machine.public.answer = PublicAnswer(status=200, content=await machine.router.proof("/old", "shop/v0"))

    await daemon.deploy(image=V1)

    assert "is not answered by this server's live release" in (await notes(machine))[0]
    await daemon.bury()


@pytest.mark.parametrize(("confirm_public", "has_edge"), [("auto", False), ("never", True)])
async def test_no_request_is_sent_without_a_known_public_address(confirm_public: str, has_edge: bool):
    machine, daemon = machine_with(confirm_public=confirm_public)
    if has_edge:
        await daemon.edge.connect(EdgeLink(token=Secret("t")), ACTOR)

    await daemon.deploy(image=V1)

    assert machine.public.looked == []
    await daemon.bury()


async def test_apps_in_maintenance_or_without_a_route_are_not_requested():
    machine, daemon = machine_with(confirm_public="always")
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.set_maintenance("shop", ACTOR, is_on=True)

    await daemon.deploy(image=V1)
    await daemon.deploy(app="jobs", image=V1, manifest={"processes": {"worker": {"command": "work"}}})

    assert machine.public.looked == []
    await daemon.bury()
