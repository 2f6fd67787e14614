"""GitHub's answers about a pull request, over real HTTP on loopback."""

import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pvdify.adapters.github.code_host import GithubCodeHost
from pvdify.adapters.github.rest import RestApi
from pvdify.adapters.httpx2.web import HttpxWeb
from pvdify.errors import CodeHostUnavailable
from pvdify.model.preview import PullRequestState

CLOSED = b'{"number": 12, "state": "closed", "updated_at": "2026-01-01T10:00:00Z", "closed_at": "2026-01-01T09:00:00Z"}'


class Github(ThreadingHTTPServer):
    """An HTTP server that sends scripted answers and records requests."""

    status = 200
    content = CLOSED
    more: dict[str, str] = {}  # noqa: RUF012
    moved: dict[str, str] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Github

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        moved_to = self.server.moved.get(self.path)
        self.send_response_only(self.server.status if moved_to is None else 301)
        if moved_to is not None:
            self.send_header("Location", moved_to)
        self.send_header("Date", "Thu, 01 Jan 2026 12:00:00 GMT")
        for name, value in self.server.more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def github() -> Iterator[Github]:
    with Github() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
async def web() -> AsyncIterator[HttpxWeb]:
    web = HttpxWeb()
    yield web
    await web.close()


@pytest.fixture
def host(github: Github, web: HttpxWeb) -> GithubCodeHost:
    return GithubCodeHost(RestApi(web=web, url=github.url, token="t0ken"))


async def test_a_closed_pull_request_is_reported_with_its_age_by_githubs_clock(github: Github, host: GithubCodeHost):
    sign = await host.pull_request("org/shop", 12)

    as_of = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
    assert sign == PullRequestState(is_open=False, as_of=as_of, closed_for=3 * 3600.0, is_answer=True)
    path, headers = github.asked[0]
    assert path == "/repos/org/shop/pulls/12"
    assert (headers["authorization"], headers["x-github-api-version"]) == ("Bearer t0ken", "2022-11-28")


@pytest.mark.parametrize("status", [404, 401, 403, 410])
async def test_an_unknown_pull_request_is_none(github: Github, host: GithubCodeHost, status: int):
    github.status = status

    assert await host.pull_request("org/shop", 12) is None


@pytest.mark.parametrize(
    ("status", "more"),
    [(500, {}), (502, {}), (429, {}), (403, {"X-RateLimit-Remaining": "0"}), (403, {"Retry-After": "60"})],
)
async def test_a_temporary_failure_is_an_error_that_says_so(
    github: Github, host: GithubCodeHost, status: int, more: dict[str, str]
):
    github.status, github.more = status, more

    with pytest.raises(CodeHostUnavailable):
        await host.pull_request("org/shop", 12)


@pytest.mark.parametrize(
    "content", [b"<html>", b"[]", b"{}", CLOSED.replace(b"closed", b"odd"), CLOSED.replace(b"Z", b"")]
)
async def test_a_malformed_answer_counts_as_no_answer(github: Github, host: GithubCodeHost, content: bytes):
    github.content = content

    with pytest.raises(CodeHostUnavailable):
        await host.pull_request("org/shop", 12)


async def test_an_unreachable_host_counts_as_no_answer(web: HttpxWeb):
    host = GithubCodeHost(RestApi(web=web, url="http://127.0.0.1:9", token="t"))

    with pytest.raises(CodeHostUnavailable):
        await host.pull_request("org/shop", 12)


def test_without_a_token_no_request_is_sent():
    assert not GithubCodeHost(RestApi(web=HttpxWeb(), url="https://api.github.com")).is_askable
    assert "t0ken" not in repr(RestApi(web=HttpxWeb(), url="https://api.github.com", token="t0ken"))


async def test_a_repository_that_has_moved_is_asked_for_where_it_is_now(github: Github, host: GithubCodeHost):
    github.moved = {"/repos/org/old/pulls/12": f"{github.url}/repositories/7/pulls/12"}

    sign = await host.pull_request("org/old", 12)

    assert sign is not None
    assert [path for path, _ in github.asked] == ["/repos/org/old/pulls/12", "/repositories/7/pulls/12"]
    assert github.asked[1][1]["authorization"] == "Bearer t0ken"


async def test_the_token_goes_to_no_other_server(github: Github, host: GithubCodeHost):
    github.moved = {"/repos/org/old/pulls/12": github.url.replace("127.0.0.1", "127.0.0.2") + "/pulls/12"}

    assert await host.pull_request("org/old", 12) is None
    assert len(github.asked) == 1


async def test_a_redirect_loop_counts_as_no_answer(github: Github, host: GithubCodeHost):
    github.moved = {"/repos/org/old/pulls/12": "/repos/org/old/pulls/12"}

    with pytest.raises(CodeHostUnavailable):
        await host.pull_request("org/old", 12)
