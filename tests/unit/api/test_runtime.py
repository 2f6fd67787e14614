"""/runtime: the container runtime of new releases, and the move of the apps."""

import asyncio

from pvdify.model.token import Role
from tests.unit.api.conftest import IMAGE, Api


async def _deployed(api: Api) -> None:
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)


async def test_apps_move_to_the_chosen_runtime_in_the_background(api: Api):
    await _deployed(api)
    before = (await api("GET", "/runtime")).json
    other = "podman" if before["runtime"] == "systemd" else "systemd"
    planned = (await api("GET", f"/runtime?to={other}")).json

    begun = await api("PUT", "/runtime", {"runtime": other})
    moving = asyncio.create_task(api.daemon.runtime_moves.run())
    while (found := (await api("GET", "/runtime")).json)["move"] == "moving":
        await api.daemon.clock.sleep(0.5)
    moving.cancel()

    assert (before["move"], before["apps"][0]["state"]) == (None, "there")
    assert (planned["target"], planned["apps"][0]["state"], planned["move"]) == (other, "to move", None)
    assert (begun.status, begun.json["move"], begun.json["chosen_by"]) == (202, "moving", "test")
    assert (found["runtime"], found["move"]) == (other, "settled")
    assert (found["apps"][0]["runtime"], found["apps"][0]["state"]) == (other, "there")
    assert found["setting"] == before["runtime"]


async def test_a_move_is_canceled_once(api: Api):
    await _deployed(api)
    before = (await api("GET", "/runtime")).json["runtime"]
    await api("PUT", "/runtime", {"runtime": "podman" if before == "systemd" else "systemd"})

    canceled, again = await api("DELETE", "/runtime"), await api("DELETE", "/runtime")

    assert (canceled.status, canceled.json["move"], canceled.json["runtime"]) == (200, "canceled", before)
    assert (again.status, again.json["code"]) == (409, "no-move")


async def test_an_unknown_runtime_and_one_that_cannot_run_here_are_refused(api: Api):
    other = "podman" if (await api("GET", "/runtime")).json["runtime"] == "systemd" else "systemd"
    api.machine.runtime_options.missing[other] = "it is missing"

    unknown, missing = await api("PUT", "/runtime", {"runtime": "docker"}), await api("GET", f"/runtime?to={other}")
    refused = await api("PUT", "/runtime", {"runtime": other})

    assert (unknown.status, refused.status) == (422, 422)
    assert missing.json["obstacle"] == "it is missing"
    assert refused.json["why"] == "it is missing"


async def test_only_an_admin_changes_the_runtime(api: Api):
    api.token = await api.make_token(Role.DEPLOY)

    assert (await api("PUT", "/runtime", {"runtime": "podman"})).status == 403
    assert await api.machine.store.runtime_choice() is None
