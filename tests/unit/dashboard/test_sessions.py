"""Signing in with a link, the rights of a session, and how it ends."""

from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response

from pvdify.dashboard import notices
from pvdify.errors import StoreUnavailable
from pvdify.model.token import Actor, Role
from tests.unit.dashboard.conftest import HERE, Site

ROOT = Actor(name="root", role=Role.ADMIN)
PUBLIC = "https://example.com"


async def test_a_sign_in_link_works_once(site: Site) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    first, second = site.browser(), site.browser()

    answers = [await first.get(f"/sign-in/link/{secret}"), await second.get(f"/sign-in/link/{secret}")]

    assert [answer.status for answer in answers] == [200, 401]
    assert b"pvdify open" in answers[1].content
    assert (await first.get("/")).status == 200
    assert (await second.get("/")).status == 303


async def test_a_sign_in_link_expires_after_a_minute(site: Site) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    await site.machine.clock.sleep(60.0)

    assert (await site.browser().get(f"/sign-in/link/{secret}")).status == 401


async def test_prefetching_does_not_use_up_a_sign_in_link(site: Site) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    browser = site.browser()

    assert (await browser.get(f"/sign-in/link/{secret}", sec_purpose="prefetch;prerender")).status == 503
    assert (await browser.get(f"/sign-in/link/{secret}")).status == 200


async def test_a_head_request_does_not_use_up_a_sign_in_link(site: Site) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    browser = site.browser()

    assert (await browser._ask("HEAD", f"/sign-in/link/{secret}", None, {})).status == 503
    assert (await browser.get(f"/sign-in/link/{secret}")).status == 200


async def test_signed_in_users_can_read_pages_on_a_full_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await site.browser().follow_link(ROOT)
    await site.machine.clock.sleep(120.0)

    async def fail(*_: object) -> None:
        raise StoreUnavailable("pvdify's database does not work", why="No space left on device")

    monkeypatch.setattr(site.machine.store, "save_people", fail)

    assert (await browser.get("/")).status == 200


async def test_guessed_sign_in_links_are_rate_limited(site: Site) -> None:
    browser = site.browser()
    guesses = [(await browser.get(f"/sign-in/link/{number}")).status for number in range(11)]
    secret, _ = site.engine.sessions.make_link(ROOT)
    other = site.browser()
    other.address = "192.0.2.8"

    assert guesses == [401] * 10 + [429]
    assert (await browser.get(f"/sign-in/link/{secret}")).status == 429
    assert (await other.get(f"/sign-in/link/{secret}")).status == 200


async def test_the_cookie_over_https_is_for_this_host_alone(site: Site) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    answer = await site.browser(PUBLIC).get(f"/sign-in/link/{secret}")

    (cookie,) = answer.cookies
    name, _, attributes = cookie.partition("=")
    assert name == "__Host-pvdify"
    words = {word.strip().lower() for word in attributes.split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= words
    assert not any(word.startswith("domain") for word in words)


async def test_the_cookie_on_loopback_is_named_for_this_server(site: Site) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    (cookie,) = (await site.browser().get(f"/sign-in/link/{secret}")).cookies

    words = cookie.lower()
    assert words.startswith(f"pvdify-{site.engine.settings.server_id}=")
    assert "httponly" in words
    assert "samesite=strict" in words
    assert "secure" not in words


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\\b", "javascript:x", ""]
)
async def test_a_sign_in_link_does_not_redirect_to_other_sites(site: Site, to: str) -> None:
    secret, _ = site.engine.sessions.make_link(ROOT)
    answer = await site.browser().get(f"/sign-in/link/{secret}?to={to}")

    assert b'content="0; url=/"' in answer.content


async def test_a_sessions_rights_are_the_current_rights_of_its_token(site: Site) -> None:
    token, _ = await site.daemon.tokens.create("ci", Role.READ, None, None, ROOT)
    browser = await site.browser().follow_link(Actor(name="ci", role=Role.ADMIN, token=token.id))

    page = (await browser.get("/")).content
    await site.daemon.tokens.revoke(token.id, ROOT)

    assert b'<span class="role">read</span>' in page
    assert (await browser.get("/")).status == 303


@pytest.mark.parametrize("text", ["", "x", "pvs_0_0", "pvs_{id}_", "pvs_{id}_guess", "pvd_{id}_guess"])
async def test_invalid_session_cookies_are_refused(site: Site, text: str) -> None:
    browser = await site.browser().follow_link(ROOT)
    name, good = next(iter(browser.cookies.items()))
    browser.cookies[name] = text.format(id=good.split("_")[1])

    assert (await browser.get("/")).status == 303


async def test_a_session_expires_after_a_week_without_use_and_at_its_maximum_age(site: Site) -> None:
    browser = await site.browser().follow_link(ROOT)

    await site.machine.clock.sleep(timedelta(hours=11.9).total_seconds())
    before = (await browser.get("/")).status
    await site.machine.clock.sleep(timedelta(hours=0.2).total_seconds())

    assert [before, (await browser.get("/")).status] == [200, 303]


async def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site) -> None:
    browser = await site.browser().follow_link(ROOT)
    stolen = dict(browser.cookies)

    answer = await browser.post("/sign-out")
    browser.cookies = stolen

    assert (answer.status, answer.headers["location"]) == (303, "/sign-in")
    assert (await browser.get("/")).status == 303


async def test_events_record_who_signed_in_and_from_which_address(site: Site) -> None:
    browser = await site.browser().follow_link(ROOT)
    await browser.post("/sign-out")

    events = await site.machine.store.events(limit=2)
    assert [(it.action, it.actor, it.address) for it in events] == [
        ("session.revoked", "root", "192.0.2.7"), ("session.started", "root", "192.0.2.7"),
    ]  # fmt: skip


async def test_a_link_on_another_site_works_without_the_strict_cookie(site: Site) -> None:
    browser = site.browser()  # a browser sends no strict cookie with such a request

    answer = await browser.get("/?app=shop", sec_fetch_site="cross-site")

    assert answer.status == 200
    assert b'content="0; url=/?app=shop"' in answer.content


async def test_an_anonymous_browser_is_redirected_to_sign_in_and_back(site: Site) -> None:
    browser = site.browser()
    answer = await browser.get("/?x=1")
    assert answer.headers["location"] == "/sign-in?to=%2F%3Fx%3D1"
    assert (await browser.get("/sign-in")).status == 200

    await browser.follow_link(ROOT)

    assert (await browser.get("/sign-in?to=%2F%3Fx%3D1")).headers["location"] == "/?x=1"


async def test_a_form_needs_the_origin_of_the_request(site: Site) -> None:
    browser = await site.browser().follow_link(ROOT)
    assert browser.origin == HERE

    refused = [
        (await browser.post("/sign-out", **headers)).status
        for headers in (
            {"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"}, {"origin": "", "sec_fetch_site": ""}, {"origin": "https://127.0.0.1:9443"},
            {"origin": "http://127.0.0.1:9444"},
        )
    ]  # fmt: skip

    assert refused == [403] * 7
    assert (await browser.get("/")).status == 200


async def test_a_form_needs_a_token_of_its_own_session(site: Site) -> None:
    browser, other = await site.browser().follow_link(ROOT), await site.browser().follow_link(ROOT)

    refused = [
        (await browser.post("/sign-out", {"csrf": text})).status
        for text in ("", "x", "x.y", other.csrf, browser.csrf[:-1], browser.csrf.replace(".", ""))
    ]

    assert refused == [403] * 6
    assert (await browser.post("/sign-out", {"csrf": ""}, x_csrf_token=browser.csrf)).status == 303


async def test_the_token_of_a_form_is_another_text_each_time(site: Site) -> None:
    browser = await site.browser().follow_link(ROOT)
    first = browser.csrf
    await browser.get("/")

    assert first != browser.csrf
    assert (await browser.post("/sign-out", {"csrf": first})).status == 303


def test_a_notice_over_https_is_of_this_very_host() -> None:
    response = Response()
    notices.write(response, "done", is_secure=True)

    assert response.headers["set-cookie"].startswith("__Host-pvdify-notice=")
    assert "Secure" in response.headers["set-cookie"]
    scope = {"type": "http", "headers": [(b"cookie", b"pvdify-notice=ZG9uZQ==")]}
    assert [notices.read(Request(scope), is_secure=it) for it in (True, False)] == ["", "done"]
