"""``pvdify apps:rename``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify


def test_a_rename_lists_what_changes_with_the_name(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("hello", domains=["hello.pvdify.win"])

    ran = pvdify("apps:rename", "hello", "greeter")

    assert set(api.apps) == {"greeter"}
    assert ran.stdout == "hello is called greeter now, and is at https://greeter.pvdify.win\n"
    assert ran.stderr == (
        "hello.pvdify.win is no longer routed; to get it back: pvdify domains:add greeter hello.pvdify.win\n"
        "write greeter where hello stands: `app` in pvdify.yml, workflows, PVDIFY_APP\n"
        "instances that run keep their names until the next deploy: pvdify deploy greeter\n"
    )


def test_a_rename_can_keep_the_hostname_and_takes_the_app_like_heroku(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("hello", domains=["hello.pvdify.win"])

    ran = pvdify("apps:rename", "greeter", "-a", "hello", "--keep-hostname", "--json")

    assert json.loads(ran.stdout)["domains"] == ["greeter.pvdify.win", "hello.pvdify.win"]


def test_a_missing_name_is_named(pvdify: Pvdify) -> None:
    assert pvdify("apps:rename", "hello").stderr == (
        "error: NEW is missing: hello is taken for the app\n  next: pvdify apps:rename hello NEW\n"
    )
