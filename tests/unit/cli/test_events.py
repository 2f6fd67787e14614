"""``pvdify events`` and ``pvdify open``."""

import io
import json
from pathlib import Path

import pytest

from pvdify.cli.commands import events
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.main import run_program
from pvdify.client.calls.logs import EventQuery
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


@pytest.fixture
def busy(api: FakeApi) -> FakeApi:
    api.add_event("deploy.live", release=42, text="ghcr.io/org/shop:v1")
    api.add_event("config.changed", actor="ann", text="config v3: LANG")
    api.add_event("server.started", actor="pvdify", app=None)
    return api


def test_events_are_shown_newest_first(pvdify: Pvdify, busy: FakeApi) -> None:
    assert pvdify("events") == Ran(
        stdout="WHEN                  WHO     EVENT           APP       TEXT\n"
        "2026-11-23 11:31:02Z  pvdify  server.started  -         -\n"
        "2026-11-23 11:31:02Z  ann     config.changed  shop      config v3: LANG\n"
        "2026-11-23 11:31:02Z  ci      deploy.live     shop v42  ghcr.io/org/shop:v1\n"
    )
    assert json.loads(pvdify("events", "-n", "1", "--json").stdout) == {"events": [busy.events[2]]}


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("events", EventQuery(limit=30)),
        ("events shop", EventQuery(limit=30, app="shop")),
        ("events -a shop --kind deploy", EventQuery(limit=30, app="shop", kind="deploy")),
        ("events --actor ci --since 2h", EventQuery(limit=10_000, actor="ci", since="2h")),
        ("events --since 2h --num 5", EventQuery(limit=5, since="2h")),
    ],
)
def test_event_filters_are_parsed(pvdify: Pvdify, line: str, query: EventQuery) -> None:
    parsed = pvdify.parse(*line.split())

    assert (parsed.run, parsed.options.wanted, parsed.options.is_following) == (events.run, query, False)


def test_filters_reach_the_server(pvdify: Pvdify, busy: FakeApi) -> None:
    assert "config.changed" not in pvdify("events", "shop", "--kind", "deploy").stdout
    assert "deploy.live" not in pvdify("events", "--actor", "ann").stdout
    assert pvdify("events", "--actor", "unknown") == Ran(stderr="no such events\n")


def test_followed_events_are_oldest_first_and_resume_after_an_interruption(pvdify: Pvdify, busy: FakeApi) -> None:
    busy.script.cuts.append(1)

    ran = pvdify("events", "--follow", "--json")

    assert [json.loads(line)["id"] for line in ran.stdout.splitlines()] == [1, 2, 3]
    assert pvdify("events", "-f").stdout.splitlines()[0] == (
        "2026-11-23 11:31:02Z  ci  deploy.live  shop v42  ghcr.io/org/shop:v1"
    )


def opened(pvdify: Pvdify, *argv: str, has_browser: bool) -> tuple[list[str], str, str]:
    addresses: list[str] = []
    stdout, stderr = io.StringIO(), io.StringIO()
    streams = Io(
        stdin=io.StringIO(), stdout=stdout, stderr=stderr,
        browse=lambda url: (addresses.append(url), has_browser)[1],
    )  # fmt: skip
    surroundings = Surroundings(environ=pvdify.environ, folder=pvdify.folder, stdin=io.StringIO())
    assert run_program(argv, surroundings, streams) == 0
    return addresses, stdout.getvalue(), stderr.getvalue()


def test_open_prints_the_address_and_opens_it(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("shop")
    url = "https://shop.pvdify.win"

    assert opened(pvdify, "open", "shop", has_browser=True) == ([url], f"{url}\n", "")
    assert opened(pvdify, "open", "shop", has_browser=False) == (
        [url], f"{url}\n", "no browser was found here: open the address yourself\n",
    )  # fmt: skip
    assert opened(pvdify, "open", "shop", "--print", has_browser=True) == ([], f"{url}\n", "")


def test_open_without_an_app_opens_the_dashboard_with_a_sign_in_link(pvdify: Pvdify, api: FakeApi) -> None:
    url = f"{api.url}/sign-in/link/s3cret"
    says = "signs one browser in as admin, once and within a minute\n"

    assert opened(pvdify, "open", has_browser=True) == ([url], f"{url}\n", says)
    assert opened(pvdify, "open", "shop", "--dashboard", has_browser=True) == (
        [f"{url}?to=%2Fapps%2Fshop"], f"{url}?to=%2Fapps%2Fshop\n", says,
    )  # fmt: skip
    assert opened(pvdify, "open", "--print", has_browser=True)[0] == []


def test_open_on_the_server_prints_how_to_reach_it_from_another_computer(pvdify: Pvdify, tmp_path: Path) -> None:
    with FakeApi(tmp_path / "api.sock") as server:
        _, stdout, stderr = opened(pvdify, "open", "--url", server.url, has_browser=False)

    assert stdout == "http://127.0.0.1:9443/sign-in/link/s3cret\n"
    assert "ssh -L 9443:127.0.0.1:9443 THIS-SERVER\n" in stderr


def test_open_passes_only_http_urls_to_the_browser(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("shop", url="file:///etc/passwd")

    assert opened(pvdify, "open", "shop", has_browser=True)[0] == []


def test_an_app_without_an_address(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("shop", url="")

    ran = pvdify("open", "shop")

    assert (ran.code, "shop has no address\n  why:  it has no web process" in ran.stderr) == (4, True)
