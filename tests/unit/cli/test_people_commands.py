"""``pvdify users`` and ``pvdify sessions`` with their siblings."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran

SESSION = {
    "id": "3f9a2c07d1b4", "name": "Ada", "way": "link", "address": "192.0.2.7", "agent": "Firefox",
    "created_at": "2026-11-23T11:31:02Z", "last_used_at": "2026-11-23T11:32:02Z", "expires_at": "2026-12-23T11:31:02Z",
}  # fmt: skip


def test_an_invitation_is_a_link_at_the_address_that_was_asked(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("users:invite", "Ada Lovelace", "--role", "deploy", "--app", "shop", "--email", "ada@example.com")

    assert ran == Ran(
        stdout=f"{api.url}/invitation/s3cret\n",
        stderr="send this link to Ada Lovelace: it works once, until 2026-11-30 11:31:02Z\n"
        "to take it back: pvdify users:remove 'Ada Lovelace'\n",
    )
    assert api.asked[-1].body == {
        "name": "Ada Lovelace", "role": "deploy", "app": "shop", "email": "ada@example.com", "github": "",
        "again": False,
    }  # fmt: skip


def test_a_second_invitation_needs_the_again_option(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("users:invite", "Ada")

    assert pvdify("users:invite", "Ada").code == 5
    assert pvdify("users:invite", "Ada", "--again").stdout == f"{api.url}/invitation/s3cret\n"


def test_users_are_listed_with_what_they_may_do(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("users") == Ran(stderr="no users; to invite one: pvdify users:invite NAME\n")
    pvdify("users:invite", "Ada", "--github", "ada")

    changed = pvdify("users:role", "Ada", "deploy", "--app", "shop")

    assert changed == Ran(stdout="Ada has the role deploy for shop from now on\n")
    assert pvdify("users") == Ran(
        stdout="NAME  ROLE    APP   ACCOUNT     INVITED BY  LAST SEEN\n"
        "Ada   deploy  shop  github:ada  admin       invited\n"
    )
    assert json.loads(pvdify("users", "--json").stdout)["users"][0]["role"] == "deploy"


def test_a_user_is_removed(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("users:invite", "Ada Lovelace")

    assert pvdify("users:remove", "Ada Lovelace") == Ran(stdout="Ada Lovelace is removed and signed out\n")
    assert api.users == {}
    assert pvdify("users:remove", "Ada Lovelace").code == 4
    assert pvdify("users:role", "Nobody", "read").code == 4


def test_sessions_are_listed_and_ended(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("sessions") == Ran(stderr="no browser is signed in; `pvdify open` signs one in\n")
    api.sessions = [SESSION, SESSION | {"id": "b"}]
    assert pvdify("sessions").stdout.splitlines()[1] == (
        "3f9a2c07d1b4  Ada  link          192.0.2.7  2026-11-23 11:31:02Z  2026-11-23 11:32:02Z  Firefox"
    )

    assert pvdify("sessions:revoke", "b") == Ran(stdout="b is signed out\n")
    assert json.loads(pvdify("sessions", "--json").stdout)["sessions"] == [SESSION]
    assert pvdify("sessions:revoke", "b").code == 4


def test_all_sessions_of_a_user_are_ended(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("users:invite", "Ada")
    api.sessions = [SESSION]

    assert pvdify("sessions:revoke", "--user", "Ada") == Ran(stdout="Ada is signed out everywhere\n")
    assert api.sessions == []
    assert pvdify("sessions:revoke").code == 2
    assert pvdify("sessions:revoke", "x", "--user", "Ada").code == 2
