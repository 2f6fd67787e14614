"""GET /router/log, and which visits each token sees."""

from datetime import UTC, datetime

from pvdify.model.token import Role
from pvdify.model.visit import Visit
from tests.unit.api.conftest import Api


def visit(target: str, path: str = "/") -> Visit:
    return Visit(
        at=datetime(2026, 11, 25, 9, 12, 51, 715000, tzinfo=UTC), request_id="abc", client="203.0.113.7",
        protocol="https", method="GET", host="shop.example.com", path=path, status=200, seconds=0.012, wait=0.009,
        bytes_in=117, bytes_out=135, target=target, retries=0, ended="----", agent="curl",
    )  # fmt: skip


async def test_all_visits_as_text_and_as_json(api: Api):
    api.machine.access_log.visits = [visit("shop/v42:1"), visit("")]

    text = await api("GET", "/router/log")
    listed = (await api("GET", "/router/log?format=json&lines=2")).json["visits"]

    assert text.content.decode() == (
        "2026-11-25T09:12:51.715Z 203.0.113.7 GET https://shop.example.com/ 200 12ms 135B shop v42 web.1 abc\n"
        "2026-11-25T09:12:51.715Z 203.0.113.7 GET https://shop.example.com/ 200 12ms 135B router abc\n"
    )
    assert [(it["app"], it["release"], it["instance"]) for it in listed] == [("shop", 42, 1), (None, None, None)]


async def test_a_token_for_one_app_sees_that_apps_visits_whatever_it_asks_for(api: Api):
    api.machine.access_log.visits = [visit("shop/v42:1"), visit("blog/v1:1", "/blog"), visit("")]
    await api("POST", "/apps", {"name": "blog"})
    api.token = await api.make_token(Role.READ, app="blog")

    listed = (await api("GET", "/router/log?format=json&app=shop")).json["visits"]

    assert [it["path"] for it in listed] == ["/blog"]


async def test_control_characters_in_a_url_are_escaped(api: Api):
    api.machine.access_log.visits = [visit("shop/v1:1", "/\x1b[2J\n")]

    assert "/\\x1b[2J\\n 200" in (await api("GET", "/router/log")).content.decode()
