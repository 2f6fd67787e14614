"""Servers by name, a daemon that is down, and a server of another version."""

import json
from pathlib import Path

import pytest

from pvdify import __version__
from pvdify.client.saved_login import SavedLogins, load, login_file, save
from tests.fakes.api import TOKEN, FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


@pytest.fixture
def anywhere(pvdify: Pvdify) -> Pvdify:
    """Without PVDIFY_URL and PVDIFY_TOKEN."""
    pvdify.environ = {"HOME": pvdify.environ["HOME"]}
    return pvdify


def test_a_server_is_added_signed_in_to_and_asked_by_its_name(anywhere: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert anywhere("servers:add", "staging", api.url) == Ran(
        stdout=f"staging is {api.url}\n", stderr="to sign in: pvdify login --server staging\n"
    )
    assert anywhere("apps", "--server", "staging").code == 3
    assert anywhere("login", "--server", "staging", stdin=TOKEN).code == 0
    assert "myapp" in anywhere("apps", "--server", "staging").stdout
    assert json.loads(anywhere("servers", "--json").stdout) == {
        "servers": [{"name": "staging", "url": api.url, "is_signed_in": True, "is_in_use": True}]
    }
    assert anywhere("servers").stdout == (
        f"SERVER   URL{' ' * (len(api.url) - 3)}  SIGNED IN  IN USE\nstaging  {api.url}  yes        yes\n"
    )


def test_a_server_name_takes_precedence_over_the_environment(anywhere: Pvdify, api: FakeApi) -> None:
    save(login_file(anywhere.environ), SavedLogins().with_server("here", api.url).with_login(api.url, TOKEN))
    anywhere.environ["PVDIFY_URL"] = "http://127.0.0.1:1"

    assert anywhere("whoami", "--server", "here").code == 0
    assert anywhere("whoami", "--server", "here", "--url", api.url).stderr.startswith("error: --url and --server both")


def test_the_server_in_use_changes(anywhere: Pvdify, api: FakeApi) -> None:
    anywhere("servers:add", "one", "https://one.example")
    anywhere("servers:add", "two", api.url)

    assert anywhere("servers:use", "two").stdout == f"commands ask two ({api.url}) from now on\n"

    anywhere.environ["PVDIFY_TOKEN"] = TOKEN
    assert api.url in anywhere("whoami").stdout


def test_removing_a_server_removes_its_token(anywhere: Pvdify, api: FakeApi) -> None:
    file = login_file(anywhere.environ)
    save(file, SavedLogins().with_server("two", api.url).with_login(api.url, TOKEN))

    ran = anywhere("servers:remove", "two")

    assert ran.stdout == "two is forgotten here, with its token\n"
    assert TOKEN not in file.read_text()
    assert load(file) == SavedLogins()


def test_an_unknown_name_says_which_are_known(anywhere: Pvdify) -> None:
    anywhere("servers:add", "one", "https://one.example")

    for line in ("apps --server tow", "servers:use tow", "servers:remove tow"):
        ran = anywhere(*line.split())
        assert ran.code == 2
        assert "no server is known as tow here\n  why:  known are one\n" in ran.stderr


def test_a_name_is_not_given_to_two_servers(anywhere: Pvdify) -> None:
    anywhere("servers:add", "one", "https://one.example")

    ran = anywhere("servers:add", "one", "https://other.example")

    assert ran == Ran(stderr="error: one is https://one.example already\n  next: pvdify servers:remove one\n", code=2)


def test_logins_of_earlier_versions_get_names(anywhere: Pvdify) -> None:
    file = login_file(anywhere.environ)
    file.parent.mkdir(parents=True)
    tokens = {"https://one.example": "t1", "https://one.example:8443": "t2", "unix:///run/x.sock": "t3"}
    file.write_text(json.dumps({"url": "https://one.example", "tokens": tokens}))

    shown = json.loads(anywhere("servers", "--json").stdout)["servers"]

    assert [(it["name"], it["is_in_use"]) for it in shown] == [
        ("one.example", True), ("one.example-8443", False), ("local", False),
    ]  # fmt: skip
    anywhere("servers:use", "local")
    kept = json.loads(file.read_text())
    assert (kept["url"], kept["tokens"]) == ("unix:///run/x.sock", tokens)


def test_a_local_daemon_that_is_down_names_its_unit(anywhere: Pvdify, tmp_path: Path) -> None:
    for url in (f"unix://{tmp_path}/none.sock", "http://127.0.0.1:1"):
        ran = anywhere("apps", "--url", url)
        assert (ran.code, "next: `systemctl status pvdifyd` on this machine" in ran.stderr) == (11, True)
    assert "systemctl" not in anywhere("apps", "--url", "https://none.invalid").stderr


def test_a_version_difference_is_reported_once(pvdify: Pvdify, api: FakeApi) -> None:
    api.version = "99.1.0"

    first, second = pvdify("apps", "--json"), pvdify("whoami")

    assert first.stderr == (
        f"note: {api.url} runs pvdify 99.1.0, and this is {__version__}\n"
        "  why:  what only the newer one has does not work\n  next: upgrade this program\n"
    )
    assert json.loads(first.stdout) == {"apps": []}
    assert second.stderr == ""
    api.version = "0.0.1"
    assert "next: `pvdify server upgrade` on the server" in pvdify("apps").stderr


def test_an_equal_version_is_not_reported(pvdify: Pvdify, api: FakeApi) -> None:
    api.version = __version__

    assert pvdify("apps", "--json").stderr == ""
