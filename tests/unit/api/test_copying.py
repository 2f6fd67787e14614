"""Copying a record into its wire type."""

from dataclasses import dataclass

import pytest

from pvdify.api.copying import Copying
from pvdify.model.instance import Secret
from pvdify.model.token import Role


@dataclass(frozen=True, kw_only=True)
class Record:
    name: str
    role: Role = Role.READ
    words: tuple[str, ...] = ()
    password: Secret

    @property
    def size(self) -> int:
        return len(self.words)


@dataclass(frozen=True, kw_only=True)
class Shown:
    name: str
    role: str
    words: list[str]
    size: int
    url: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Leaking:
    name: str
    password: str


RECORD = Record(name="a", role=Role.DEPLOY, words=("b", "c"), password=Secret("hush-hush"))


def test_fields_of_the_same_name_are_copied_as_json_has_them():
    copying = Copying(Record, Shown, "url")

    assert copying(RECORD, url="http://a") == Shown(name="a", role="deploy", words=["b", "c"], size=2, url="http://a")


def test_a_field_without_a_source_is_refused_when_the_table_is_built():
    with pytest.raises(TypeError, match="Record -> Shown: url"):
        Copying(Record, Shown)
    with pytest.raises(TypeError, match="Record -> Shown: url, uri"):
        Copying(Record, Shown, "url", "uri")


def test_a_secret_is_never_copied():
    with pytest.raises(TypeError, match="password is secret"):
        Copying(Record, Leaking)


def test_each_call_gives_exactly_the_fields_that_were_announced():
    copying = Copying(Record, Shown, "url")

    with pytest.raises(TypeError, match="needs url"):
        copying(RECORD)
    with pytest.raises(TypeError, match="needs url"):
        copying(RECORD, url="", name="other")
