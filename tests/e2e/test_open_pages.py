"""Pages that stay open on a real server: during a deploy, and with several instances."""

import asyncio
import http.client
import json
from collections.abc import Iterator

import pytest

from tests.e2e.trial import Trial
from tests.load.connection import RequestFailed
from tests.load.websocket import WebSocket
from tools.demo.stage import BASE_DOMAIN

MANIFEST = "drain: 3s\nprocesses: {web: {count: 1, affinity: cookie}}\n"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.push("v2")
        trial.start()
        manifest = trial.stage.data_dir / "pvdify.yml"
        manifest.write_text(MANIFEST, encoding="utf-8")
        deploy(trial, "v1", "--manifest", str(manifest))
        yield trial


def deploy(trial: Trial, version: str, *arguments: str) -> None:
    trial.pvdify("deploy", "hello", "--image", trial.stage.image(version), *arguments)


class Visitor:
    """A visitor that keeps cookies as a browser does."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._cookie = ""

    def instance(self) -> str:
        """Which instance answers: its release's version and its number."""
        visit = http.client.HTTPConnection(self._trial.stage.router, timeout=10)
        visit.request("POST", "/echo", b"hello", {"Host": f"hello.{BASE_DOMAIN}", "Cookie": self._cookie})
        answer = visit.getresponse()
        self._cookie = (answer.headers["Set-Cookie"] or self._cookie).partition(";")[0]
        visit.close()
        return f"{answer.headers['X-Version']} {answer.headers['X-Instance']}"


async def talk(page: WebSocket) -> None:
    """Say something again and again, for 30 s."""
    for number in range(300):
        await page.echo(b"%d" % number)
        await asyncio.sleep(0.1)


def instances(visitors: list[Visitor]) -> list[str]:
    return [visitor.instance() for visitor in visitors]


def test_a_visitor_keeps_its_instance_over_scale_and_restart(trial: Trial) -> None:
    first = Visitor(trial)
    assert first.instance() == "v1 web.1"

    said = trial.pvdify("ps:scale", "hello", "web=3").stderr
    visitors = [first, *(Visitor(trial) for _ in range(12))]
    before = instances(visitors)
    trial.pvdify("ps:restart", "hello")

    assert "affinity" not in said
    assert before[0] == "v1 web.1"
    assert set(before) == {"v1 web.1", "v1 web.2", "v1 web.3"}
    for _ in range(5):
        assert instances(visitors) == before
    trial.pvdify("ps:scale", "hello", "web=1")
    assert set(instances(visitors)) == {"v1 web.1"}


async def test_an_open_page_moves_to_the_new_release_when_drain_ends(trial: Trial) -> None:
    host, _, port = trial.stage.router.partition(":")
    async with WebSocket(host, int(port), f"hello.{BASE_DOMAIN}") as page:
        await page.echo(b"before")

        await asyncio.to_thread(deploy, trial, "v2")

        await page.echo(b"it drains")
        with pytest.raises(RequestFailed, match="cut off"):
            await talk(page)
    async with WebSocket(host, int(port), f"hello.{BASE_DOMAIN}") as page:
        await page.echo(b"after")

    assert await asyncio.to_thread(Visitor(trial).instance) == "v2 web.1"
    standing_by = [name for name, state in trial.containers().items() if state == "running" and "-v1-" in name]
    assert len(standing_by) == 1
    info = json.loads(trial.pvdify("releases:info", "hello", "2", "--json").stdout)
    requests = info["receipt"]["requests"]
    assert (requests["cut"], requests["failed"], requests["is_final"]) == (1, 0, True)
