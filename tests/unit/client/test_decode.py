from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from pvdify.client.decode import Mismatch, decode
from pvdify.client.encode import request_body, to_json
from pvdify.wire.requests import Deploy


@dataclass(frozen=True, kw_only=True)
class Inner:
    number: int


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    at: datetime
    share: float
    command: str | list[str] | None
    inner: Inner | None
    many: list[Inner]
    named: dict[str, Inner]
    anything: dict[str, Any]
    note: str = ""
    more: list[str] = field(default_factory=list)


WHOLE = {
    "name": "a",
    "at": "2026-11-23T11:31:02.5Z",
    "share": 1,
    "command": ["npm", "start"],
    "inner": {"number": 1},
    "many": [{"number": 2}],
    "named": {"x": {"number": 3}},
    "anything": {"deep": [1, {"er": None}]},
}


def test_every_structure_is_decoded() -> None:
    assert decode(Outer, WHOLE) == Outer(
        name="a",
        at=datetime(2026, 11, 23, 11, 31, 2, 500000, tzinfo=UTC),
        share=1.0,
        command=["npm", "start"],
        inner=Inner(number=1),
        many=[Inner(number=2)],
        named={"x": Inner(number=3)},
        anything={"deep": [1, {"er": None}]},
    )


def test_unknown_keys_of_a_newer_server_are_ignored() -> None:
    assert decode(Inner, {"number": 1, "color": "green"}) == Inner(number=1)


def test_optional_keys_that_an_older_server_does_not_send_are_none() -> None:
    older = {key: value for key, value in WHOLE.items() if key not in {"inner", "command"}}

    decoded = decode(Outer, older)

    assert (decoded.inner, decoded.command) == (None, None)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": None}, "Outer.name is missing"),
        ({"name": 1}, "Outer.name is a int"),
        ({"inner": {"number": True}}, "Outer.inner.number is a bool"),
        ({"inner": {}}, "Outer.inner.number is missing"),
        ({"many": [{"number": "2"}]}, "Outer.many[].number is a str"),
        ({"named": {"x": 1}}, "Outer.named.x is a int"),
        ({"command": 1}, "Outer.command is a int"),
        ({"command": ["npm", 1]}, "Outer.command[] is a int"),
        ({"at": "yesterday"}, "Outer.at is not a date with a time"),
        ({"at": "2026-11-23T11:31:02"}, "Outer.at has no time zone"),
    ],
)
def test_a_type_mismatch_names_the_field(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(Mismatch) as caught:
        decode(Outer, WHOLE | change)

    assert str(caught.value) == problem


def test_a_decoded_document_encodes_to_the_same_document() -> None:
    again = to_json(decode(Outer, WHOLE))

    assert decode(Outer, again) == decode(Outer, WHOLE)
    assert again["at"] == "2026-11-23T11:31:02.500000Z"


def test_a_request_omits_unset_fields() -> None:
    assert request_body(Deploy(image="app:v1")) == {"image": "app:v1", "allow_older": False}
