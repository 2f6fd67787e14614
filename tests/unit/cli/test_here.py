"""``pvdify`` alone."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify


def test_it_prints_server_app_last_release_and_the_next_command(pvdify: Pvdify, api: FakeApi) -> None:
    (pvdify.folder / "pvdify.yml").write_text("app: shop\n")
    api.add_release("shop")
    api.apps["shop"] |= {"status": "live", "release": 1}

    ran = pvdify()

    assert ran.code == 0
    assert ran.stdout == (
        f"server        {api.url} as admin\n"
        "app           shop (pvdify.yml)\n"
        "status        live\n"
        "last release  v1 active, 2026-11-23 11:31:02Z, ghcr.io/org/app:v1\n"
        "url           https://shop.pvdify.win\n"
    )
    assert ran.stderr == (
        "\nnext:\n  pvdify logs shop --follow\n  pvdify deploy shop --image REF\n  pvdify rollback shop\n"
        "  pvdify help    # all commands\n"
    )


def test_an_app_that_does_not_exist_yet(pvdify: Pvdify) -> None:
    pvdify.environ["PVDIFY_APP"] = "shop"

    ran = pvdify()

    assert "app     shop (PVDIFY_APP)\nstatus  not on this server\n" in ran.stdout
    assert "  pvdify deploy shop --image REF\n" in ran.stderr


def test_no_app_is_implied(pvdify: Pvdify) -> None:
    assert "app     none: no PVDIFY_APP, pvdify.yml or git remote\n" in pvdify().stdout


def test_without_a_server_it_says_how_to_get_to_one(pvdify: Pvdify) -> None:
    pvdify.environ = {"HOME": pvdify.environ["HOME"]}

    ran = pvdify()

    assert (ran.code, ran.stdout.splitlines()[0]) == (0, "server  none yet")
    assert "  pvdify login --url URL\n" in ran.stderr


def test_an_unreachable_server_is_shown_with_its_cause(pvdify: Pvdify) -> None:
    pvdify.environ["PVDIFY_URL"] = "http://127.0.0.1:1"

    ran = pvdify()

    assert ran.code == 0
    assert "problem  the server at http://127.0.0.1:1 cannot be reached: connection refused\n" in ran.stdout
    assert "systemctl status pvdifyd" in ran.stderr
    assert json.loads(pvdify("here", "--json").stdout)["server"] == "http://127.0.0.1:1"
