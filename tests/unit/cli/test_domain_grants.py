"""``pvdify domains:grants``, ``domains:grant`` and ``domains:revoke``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_a_hostname_grant_is_added_listed_and_revoked(pvdify: Pvdify, api: FakeApi) -> None:
    granted = pvdify("domains:grant", "myapp", "www.example.com")

    assert granted == Ran(
        stdout="myapp may claim www.example.com\n", stderr="undo: pvdify domains:revoke myapp www.example.com\n"
    )
    assert pvdify("domains:grants", "myapp").stdout.splitlines()[1].split()[0] == "www.example.com"
    assert json.loads(pvdify("domains:grants", "myapp", "--json").stdout)["grants"][0]["created_by"] == "admin"
    revoked = pvdify("domains:revoke", "myapp", "www.example.com")
    assert revoked.stdout == "myapp may no longer claim www.example.com; what it answers to now was not changed\n"
    assert api.grants == {}
    assert pvdify("domains:revoke", "myapp", "www.example.com").code == 4


def test_without_grants_the_next_command_is_named(pvdify: Pvdify) -> None:
    assert pvdify("domains:grants", "myapp").stderr == (
        "myapp may claim its own hostname alone; more: pvdify domains:grant myapp HOSTNAME\n"
    )
