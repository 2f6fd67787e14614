"""/apps/{app}/run."""

import asyncio
import base64
import json

from pvdify.model.token import Role
from tests.unit.api.conftest import Api


async def test_a_command_is_run_written_to_watched_and_ended(api: Api) -> None:
    await api.daemon.deploy()

    answer = await api("POST", "/apps/shop/run", {"command": "cat", "terminal": {"rows": 24, "columns": 80}})

    assert answer.status == 201
    run = answer.json
    assert answer.headers["location"] == f"/api/v1/apps/shop/run/{run['id']}"
    path = f"/apps/shop/run/{run['id']}"
    (_spec, process) = api.machine.one_offs.started[0]
    assert (await api("POST", f"{path}/terminal", {"rows": 50, "columns": 132})).status == 204
    assert (process.size.rows, process.size.columns) == (50, 132)
    assert (await api("POST", f"{path}/input?at=0", "hi")).status == 204
    process.exit(3)

    followed = await api("GET", path)

    said = base64.b64encode(json.dumps("hi").encode()).decode()
    assert f"event: stdout\nid: 1\ndata: {said}\n\nevent: end\ndata: " in followed.content.decode()
    assert '{"exit_code":3}' in followed.content.decode()
    assert (await api("DELETE", path)).status == 204
    assert process.is_gone


async def test_a_command_ends_when_its_client_disconnects(api: Api) -> None:
    await api.daemon.deploy()
    run = (await api("POST", "/apps/shop/run", {"command": ["sleep", "600"]})).json
    watching = asyncio.create_task(api("GET", f"/apps/shop/run/{run['id']}"))
    await asyncio.sleep(0.05)

    watching.cancel()
    await api.machine.clock.sleep(7)

    assert api.machine.one_offs.started[0][1].is_gone
    assert (await api("POST", f"/apps/shop/run/{run['id']}/input")).json["code"] == "one-off-not-found"


async def test_invalid_commands_are_refused(api: Api) -> None:
    await api.daemon.deploy()

    assert (await api("POST", "/apps/shop/run", {"command": []})).status == 422
    assert (
        await api("POST", "/apps/shop/run", {"command": "sh", "terminal": {"rows": 0, "columns": 80}})
    ).status == 422
    assert (await api("POST", "/apps/shop/run", {})).status == 422


async def test_readers_may_not_run_commands(api: Api) -> None:
    await api.daemon.deploy()
    api.token = await api.make_token(Role.READ)

    assert (await api("POST", "/apps/shop/run", {"command": "ls"})).status == 403


async def test_a_command_inside_an_instance_is_followed_like_a_one_off(api: Api) -> None:
    await api.daemon.deploy()

    answer = await api("POST", "/apps/shop/exec", {"command": ["ls", "/"], "process": "web", "number": 1})

    (instance, command, process) = api.machine.inside.entered[0]
    assert (answer.status, instance, command) == (201, "pvdify-shop-web-v1-1", ("ls", "/"))
    assert answer.json["id"].startswith("exec.")
    process.exit(3)
    assert '{"exit_code":3}' in (await api("GET", f"/apps/shop/run/{answer.json['id']}")).content.decode()


async def test_a_tunnel_is_written_to_and_read_like_a_one_off(api: Api) -> None:
    await api.daemon.deploy()

    opened = await api("POST", "/apps/shop/tunnel", {"port": 5432})
    path = f"/apps/shop/run/{opened.json['id']}"
    written = await api("POST", f"{path}/input?at=0&end=1", b"hello")

    said = base64.b64encode(b"hello").decode()
    assert (opened.status, written.status) == (201, 204)
    assert f"event: stdout\nid: 1\ndata: {said}\n\nevent: end\n" in (await api("GET", path)).content.decode()


async def test_an_invalid_port_or_a_missing_instance_is_refused(api: Api) -> None:
    await api.daemon.deploy()

    assert (await api("POST", "/apps/shop/tunnel", {"port": 0})).status == 422
    assert (await api("POST", "/apps/shop/tunnel", {"port": 70_000})).status == 422
    assert (await api("POST", "/apps/shop/exec", {"command": []})).status == 422
    refused = await api("POST", "/apps/shop/exec", {"command": "ls", "process": "web", "number": 9})
    assert (refused.status, refused.json["code"]) == (409, "nothing-runs")
