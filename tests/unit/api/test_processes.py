"""/apps/{app}/processes."""

from typing import Any

from pvdify.model.token import Role
from tests.unit.api.conftest import Api

BOTH: dict[str, Any] = {"processes": {"web": {"count": 2}, "worker": {"command": ["worker"]}}}


async def ended(api: Api, operation: dict[str, Any]) -> dict[str, Any]:
    while operation["state"] in ("queued", "running", "undoing"):
        await api.machine.clock.sleep(0.1)
        operation = (await api("GET", f"/apps/shop/operations/{operation['id']}")).json
    return operation


async def test_a_change_of_scale_is_an_operation_that_can_be_followed(api: Api) -> None:
    await api.daemon.deploy(manifest=BOTH)

    answer = await api("PATCH", "/apps/shop/processes", {"web": 3, "worker": "-1"})

    operation = answer.json
    assert answer.status == 202
    assert answer.headers["location"] == f"/api/v1/apps/shop/operations/{operation['id']}"
    assert (operation["kind"], operation["text"], operation["state"]) == ("scale", "web=3 worker=0", "queued")
    operation = await ended(api, operation)
    assert operation["state"] == "succeeded"
    assert [step["name"] for step in operation["steps"]] == [
        "arrange", "make_room", "start", "health", "workers", "switch", "stop",
    ]  # fmt: skip
    processes = (await api("GET", "/apps/shop/processes")).json["processes"]
    assert [(it["name"], it["count"], it["declared"], len(it["instances"])) for it in processes] == [
        ("web", 3, 2, 3),
        ("worker", 0, 1, 0),
    ]
    assert (await api("GET", "/apps/shop")).json["processes"]["web"]["count"] == 3


async def test_restart_stop_and_start_are_operations_too(api: Api) -> None:
    await api.daemon.deploy(manifest=BOTH)

    for path, text in (("restart", "web worker"), ("stop", "stop"), ("start", "start")):
        answer = await api("POST", f"/apps/shop/processes/{path}")
        assert (answer.status, answer.json["text"]) == (202, text)
        assert (await ended(api, answer.json))["state"] == "succeeded"
        status = (await api("GET", "/apps/shop")).json["status"]
        assert status == ("stopped" if path == "stop" else "live")


async def test_an_invalid_scale_is_refused_with_every_problem(api: Api) -> None:
    await api.daemon.deploy(manifest=BOTH)

    answer = await api("PATCH", "/apps/shop/processes", {"web": "many", "worker": -1.5})

    assert answer.status == 422
    assert answer.json["problems"] == [
        'web: expected a whole number, "+1" or "-1"', 'worker: expected a whole number, "+1" or "-1"',
    ]  # fmt: skip
    assert (await api("PATCH", "/apps/shop/processes", {})).status == 422
    assert (await api("POST", "/apps/shop/processes/restart", {"process": "wbe"})).status == 422


async def test_only_deployers_may_scale(api: Api) -> None:
    await api.daemon.deploy(manifest=BOTH)
    api.token = await api.make_token(Role.READ)

    assert (await api("PATCH", "/apps/shop/processes", {"web": 1})).status == 403
    assert (await api("GET", "/apps/shop/operations/nothing")).status == 404
