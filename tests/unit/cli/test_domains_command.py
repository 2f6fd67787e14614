"""``pvdify domains`` and its siblings."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_the_hostnames_are_shown_with_where_they_come_from(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp", domains=["myapp.pvdify.win", "xn--bcher-kva.example"])

    assert pvdify("domains", "myapp") == Ran(
        stdout="HOSTNAME                                FROM         URL\n"
        "myapp.pvdify.win                        its own      https://myapp.pvdify.win\n"
        "bücher.example (xn--bcher-kva.example)  domains:add  https://xn--bcher-kva.example\n"
    )
    assert json.loads(pvdify("domains", "myapp", "--json").stdout)["domains"][0]["hostname"] == "myapp.pvdify.win"


def test_a_hostname_is_added_and_removed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("domains:add", "myapp", "www.example.com") == Ran(
        stdout="myapp answers to www.example.com\n",
        stderr="visitors arrive once its DNS points to this server; "
        "undo: pvdify domains:remove myapp www.example.com\n",
    )
    assert pvdify("domains:remove", "--app", "myapp", "www.example.com") == Ran(
        stdout="myapp no longer answers to www.example.com\n",
        stderr="undo: pvdify domains:add myapp www.example.com\n",
    )
    assert api.apps["myapp"]["domains"] == []


def test_a_refusal_of_the_server_is_printed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("domains:add", "myapp", "*.example.com") == Ran(
        stderr='error: invalid-hostname\n  myapp cannot answer to "*.example.com"\n  why:  a wildcard\n', code=2
    )
    assert pvdify("domains:remove", "myapp", "example.com").code == 4
    assert pvdify("domains:add", "myapp", "example.com", "example.org").code == 2
