"""Numbers and truth values of a request are JSON's own: "yes", "5" and 1 for true are refused in every body."""

import dataclasses
import json
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from starlette.requests import Request

from pvdify.api.call import Call
from pvdify.api.kept_answers import Kept, RecordAnswers
from pvdify.errors import InvalidError
from pvdify.model.token import Actor, Role
from pvdify.wire import requests
from tests.unit.api.conftest import IMAGE, Api

FOREIGN: dict[type, tuple[object, ...]] = {
    bool: ("yes", "true", "on", 1, 0, 1.0),
    int: ("5", True, 5.0),
    float: ("1.5", True),
    datetime: (0, 1.5, "soon"),
}
BODIES = [it for it in (getattr(requests, name) for name in requests.__all__) if dataclasses.is_dataclass(it)]


def cases() -> list[tuple[type, str, object]]:
    return [
        (body, name, value)
        for body in BODIES
        for name, hint in get_type_hints(body).items()
        for kind in (get_args(hint) if get_origin(hint) is Union or "|" in str(hint) else (hint,))
        for value in FOREIGN.get(kind, ())
    ]


async def read(wire_type: type, body: dict[str, object], api: Api) -> Any:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)  # type: ignore[arg-type]
    kept = Kept(records=RecordAnswers(lambda: 0))
    call = Call(engine=api.engine, request=request, actor=Actor(name="x", role=Role.ADMIN), kept=kept)
    return await call.body(wire_type)


@pytest.mark.parametrize(("wire_type", "name", "value"), cases())
async def test_a_foreign_spelling_is_refused(api: Api, wire_type: type, name: str, value: object) -> None:
    with pytest.raises(InvalidError) as refused:
        await read(wire_type, {name: value}, api)

    problems = refused.value.details["problems"]
    assert isinstance(problems, list)
    assert any(str(problem).startswith(f"{name}: expected") for problem in problems), problems


def test_every_kind_of_number_is_among_the_cases() -> None:
    assert {type(value) for _, _, value in cases()} == {str, bool, int, float}
    assert {body for body, _, _ in cases()} >= {requests.ChangeApp, requests.PauseApp, requests.PutPreview}


async def test_types_that_json_lacks_are_read_from_strings(api: Api) -> None:
    body = {"as_of": "2026-11-23T11:31:00Z", "labels": ["a"], "manifest": {"port": 80}, "run_number": 7}
    ran = {"command": ["ls"], "terminal": {"rows": 24, "columns": 80}}

    preview = await read(requests.PutPreview, body, api)
    command = await read(requests.RunCommand, ran, api)
    paused = await read(requests.PauseApp, {"seconds": 5}, api)

    assert (preview.as_of.year, preview.labels, preview.manifest, preview.run_number) == (2026, ["a"], {"port": 80}, 7)
    assert (command.command, command.terminal.columns, paused.seconds) == (["ls"], 80, 5.0)


async def test_a_string_does_not_turn_maintenance_on(api: Api) -> None:
    await api.daemon.deploy()

    answer = await api("PATCH", "/apps/shop", {"maintenance": "yes"})

    assert (answer.status, answer.json["problems"]) == (422, ['maintenance: expected true or false, got "yes"'])
    assert (await api("GET", "/apps/shop")).json["status"] == "live"


async def test_digits_of_other_scripts_are_refused(api: Api) -> None:
    assert (await api("GET", "/events?limit=%D9%A3")).status == 422  # the Arabic digit three


async def test_a_manifest_in_a_request_is_as_strict_as_a_file(api: Api) -> None:
    answer = await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": {"init": "no"}})

    assert answer.status == 422
    assert any("expected true or false" in problem for problem in answer.json["problems"])
