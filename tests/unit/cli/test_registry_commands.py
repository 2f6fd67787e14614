"""``pvdify registry`` and its siblings."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_the_password_comes_by_stdin_and_is_not_shown(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("registry:login", "https://ghcr.io/", "-u", "octocat", stdin="an-access-token\n")

    assert ran == Ran(
        stdout="signed in to ghcr.io as octocat\n",
        stderr="undo: pvdify registry:logout ghcr.io\n",
    )
    assert (api.asked[-1].method, api.asked[-1].path) == ("PUT", "/api/v1/registries/ghcr.io")
    assert api.asked[-1].body == {"username": "octocat", "password": "an-access-token"}


def test_registries_are_listed_under_both_names(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("registry").stderr == (
        "signed in to no registry; for private images: pvdify registry:login HOST -u USER\n"
    )
    pvdify("registry:login", "127.0.0.1:5000", "-u", "octocat", stdin="an-access-token")

    listed = pvdify("registry:list")

    assert listed == Ran(
        stdout="HOST            USER     APP  SINCE                 BY\n"
        "127.0.0.1:5000  octocat  all  2026-11-23 11:31:02Z  admin\n"
    )
    assert json.loads(pvdify("registry", "--json").stdout)["registries"][0]["username"] == "octocat"


def test_a_login_is_forgotten(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("registry:login", "ghcr.io", "-u", "octocat", stdin="an-access-token")

    gone = pvdify("registry:logout", "ghcr.io", "--json")

    assert json.loads(gone.stdout) == {"host": "ghcr.io", "status": "signed-out"}
    assert pvdify("registry:logout", "ghcr.io").code == 4


def test_a_repository_given_as_a_registry_host_is_refused(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("registry:login", "ghcr.io/org/app", "-u", "octocat", stdin="x")

    assert ran.code == 2
    assert '"ghcr.io/org/app" is not a host; of ghcr.io/org/app it is ghcr.io' in ran.stderr


def test_without_a_user_no_password_is_asked_for(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("registry:login", "ghcr.io", stdin="x")

    assert ran.code == 2
    assert api.asked == []
