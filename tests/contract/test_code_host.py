"""Contract of the ``code_host`` port."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from pvdify.adapters.github.code_host import GithubCodeHost
from pvdify.adapters.github.rest import RestApi
from pvdify.errors import CodeHostUnavailable, MalformedRequest, ServiceUnavailable
from pvdify.model.link import Repository
from pvdify.plumbing.web import WebAnswer, WebRequest
from pvdify.ports.code_host import CodeHost
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost, PullRequest

UPDATED = datetime(2026, 1, 1, 10, tzinfo=UTC)


class GithubsWeb:
    """Serve ``org/shop`` with an open pull request 1 and a closed pull request 2."""

    is_down = False

    async def ask(self, request: WebRequest) -> WebAnswer:
        if self.is_down:
            raise ServiceUnavailable("GitHub does not answer", why="connection refused", next="wait")
        known = {
            "/repos/org/shop/pulls/1": {"number": 1, "state": "open", "updated_at": "2026-01-01T10:00:00Z",
                                        "closed_at": None},
            "/repos/org/shop/pulls/2": {"number": 2, "state": "closed", "updated_at": "2026-01-01T10:00:00Z",
                                        "closed_at": "2026-01-01T09:00:00Z"},
            "/repos/org/shop": {"id": 74, "full_name": "org/shop", "owner": {"id": 65, "login": "org"}},
        }  # fmt: skip
        found = known.get(request.url.removeprefix("https://api.github.com").lower())
        content = json.dumps(found or {"message": "Not Found"}).encode()
        headers = {"date": "Thu, 01 Jan 2026 12:00:00 GMT"}
        return WebAnswer(status=200 if found else 404, headers=headers, content=content)


@dataclass
class World:
    host: CodeHost
    go_down: Callable[[], None]


@pytest.fixture(params=["fake", "github"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "github":
        web = GithubsWeb()
        host = GithubCodeHost(RestApi(web=web, url="https://api.github.com", token="t0ken"))
        return World(host, lambda: setattr(web, "is_down", True))
    fake = FakeCodeHost(clock=FakeClock())
    fake.ahead = datetime(2026, 1, 1, 12, tzinfo=UTC) - fake.clock.now()
    fake.pull_requests["org/shop", 1] = PullRequest(is_open=True, updated_at=UPDATED)
    fake.pull_requests["org/shop", 2] = PullRequest(
        is_open=False, updated_at=UPDATED, closed_at=datetime(2026, 1, 1, 9, tzinfo=UTC)
    )
    fake.repositories["org/shop"] = Repository(name="org/shop", id=74, owner_id=65)
    return World(fake, lambda: setattr(fake, "is_down", True))


async def test_the_current_state_of_a_pull_request_is_returned(world: World):
    signs = [await world.host.pull_request("org/shop", number) for number in (1, 2)]

    assert [sign is not None and sign.is_open for sign in signs] == [True, False]
    assert [sign and (sign.as_of, sign.is_answer) for sign in signs] == [(UPDATED, True)] * 2
    assert signs[1] is not None
    assert signs[1].closed_for == 3 * 3600.0


async def test_an_unknown_pull_request_is_none(world: World):
    assert await world.host.pull_request("org/shop", 3) is None
    assert await world.host.pull_request("org/other", 1) is None
    assert await world.host.repository("org/other") is None


async def test_a_repository_has_permanent_numeric_ids(world: World):
    found = await world.host.repository("org/shop")

    assert found is not None
    assert (found.id, found.owner_id) == (74, 65)


async def test_no_answer_is_an_error_that_can_be_distinguished_from_an_answer(world: World):
    world.go_down()

    with pytest.raises(CodeHostUnavailable):
        await world.host.pull_request("org/shop", 1)
    with pytest.raises(CodeHostUnavailable):
        await world.host.repository("org/shop")


async def test_webhook_bodies_are_parsed_or_refused(world: World):
    assert await world.host.news("ping", b"{}") is None
    with pytest.raises(MalformedRequest):
        await world.host.news("pull_request", b"{")
