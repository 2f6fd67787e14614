"""Passkeys: added by signed-in users, and what has to be signed in order to sign in."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from pvdify.engine.access.users import Invitation
from pvdify.model.token import Role
from tests.support.asgi import Answer
from tests.support.authenticator import Authenticator
from tests.unit.dashboard.conftest import ADMIN, Browser, Site

HERE = "http://localhost:9443"


async def send(browser: Browser, path: str, content: object = None, **headers: str) -> Answer:
    """Send a request as ``passkeys.js`` does."""
    usual = {
        "content_type": "application/json", "origin": browser.origin, "sec_fetch_site": "same-origin",
        "accept": "application/json", "x_csrf_token": browser.csrf,
    }  # fmt: skip
    return await browser._ask("POST", path, json.dumps(content or {}).encode(), usual | headers)


async def person(site: Site, name: str = "Ada", role: Role = Role.DEPLOY) -> Browser:
    _, secret = await site.engine.users.invite(Invitation(name=name, role=role), ADMIN)
    browser = site.browser(HERE)
    await browser.post(f"/invitation/{secret}")
    await browser.get("/me")
    return browser


async def add(browser: Browser, device: Authenticator, name: str = "phone") -> Answer:
    options = (await send(browser, "/me/passkeys/options")).json
    return await send(browser, f"/me/passkeys?name={name}", device.make(options))


async def use(browser: Browser, device: Authenticator) -> Answer:
    options = (await send(browser, "/sign-in/passkey/options")).json
    return await send(browser, "/sign-in/passkey?to=/me", device.use(options))


async def test_a_passkey_signs_its_user_in(site: Site) -> None:
    ada, device = await person(site), Authenticator(HERE)
    await person(site, "Bob")

    added = await add(ada, device)
    elsewhere = site.browser(HERE)
    answer = await use(elsewhere, device)

    assert (added.status, added.json) == (201, {"name": "phone"})
    assert (answer.status, answer.json) == (200, {"to": "/me"})
    page = (await elsewhere.get("/me")).content
    assert b"<h1>Ada</h1>" in page
    assert b'<th scope="row">phone</th>' in page
    assert (await use(site.browser(HERE), device)).status == 200
    actions = [event.action for event in await site.machine.store.events(limit=10)]
    assert "user.passkey-added" in actions


async def test_a_passkey_needs_user_verification(site: Site) -> None:
    ada, device = await person(site), Authenticator(HERE)
    device.is_verified = False
    assert (await add(ada, device)).status == 401
    device.is_verified = True
    await add(ada, device)

    device.is_verified = False

    assert (await use(site.browser(HERE), device)).status == 401


def wrong_site(device: Authenticator, options: dict) -> dict:
    return device.use(options | {"rpId": "evil.example"})


def wrong_page(device: Authenticator, options: dict) -> dict:
    device.origin = "http://localhost:9444"
    return device.use(options)


def wrong_challenge(device: Authenticator, options: dict) -> dict:
    return device.use(options | {"challenge": "b2xk"})


def wrong_key(device: Authenticator, options: dict) -> dict:
    device.key = Authenticator(HERE).key
    return device.use(options)


def unknown_key(device: Authenticator, options: dict) -> dict:
    device.id = b"another"
    return device.use(options)


def copied_device(device: Authenticator, options: dict) -> dict:
    device.uses = 0
    return device.use(options)


def no_answer(device: Authenticator, options: dict) -> dict:
    return {"id": 7}


@pytest.mark.parametrize(
    "forge", [wrong_site, wrong_page, wrong_challenge, wrong_key, unknown_key, copied_device, no_answer]
)
async def test_invalid_passkey_answers_are_refused(site: Site, forge: Callable[[Authenticator, dict], dict]) -> None:
    ada, device, thief = await person(site), Authenticator(HERE), site.browser(HERE)
    await add(ada, device)
    for _ in range(2):
        assert (await use(site.browser(HERE), device)).status == 200

    options = (await send(thief, "/sign-in/passkey/options")).json
    answer = await send(thief, "/sign-in/passkey", forge(device, options))

    assert (answer.status, answer.json["detail"]) == (401, "this account does not sign you in")
    assert (await thief.get("/")).status == 303


async def test_a_passkey_answer_is_valid_once_and_in_the_challenged_browser(site: Site) -> None:
    ada, device, asked, thief = await person(site), Authenticator(HERE), site.browser(HERE), site.browser(HERE)
    await add(ada, device)
    await send(thief, "/sign-in/passkey/options")
    answer = device.use((await send(asked, "/sign-in/passkey/options")).json)
    kept = dict(asked.cookies)

    assert (await send(thief, "/sign-in/passkey", answer)).status == 401
    assert (await send(asked, "/sign-in/passkey", answer)).status == 200
    asked.cookies = kept
    assert (await send(asked, "/sign-in/passkey", answer)).status == 401


async def test_a_passkey_challenge_expires_after_five_minutes(site: Site) -> None:
    ada, device, browser = await person(site), Authenticator(HERE), site.browser(HERE)
    await add(ada, device)
    options = (await send(browser, "/sign-in/passkey/options")).json

    await site.machine.clock.sleep(timedelta(minutes=5).total_seconds())

    assert (await send(browser, "/sign-in/passkey", device.use(options))).status == 401


async def test_a_removed_user_cannot_sign_in_with_a_passkey(site: Site) -> None:
    ada, device = await person(site), Authenticator(HERE)
    await add(ada, device)

    await site.engine.users.remove("Ada", ADMIN)

    assert (await use(site.browser(HERE), device)).status == 401


async def test_users_can_remove_only_their_own_passkeys(site: Site) -> None:
    ada, bob, device = await person(site), await person(site, "Bob", Role.ADMIN), Authenticator(HERE)
    await add(ada, device)
    (passkey,) = await site.engine.passkeys.list((await site.engine.users.find("Ada")).id)

    assert (await bob.post(f"/me/passkeys/{passkey.id}/remove")).status == 404
    assert (await ada.post(f"/me/passkeys/{passkey.id}/remove")).status == 303
    assert (await use(site.browser(HERE), device)).status == 401


async def test_a_passkey_belongs_to_one_user_only(site: Site) -> None:
    ada, bob, device = await person(site), await person(site, "Bob"), Authenticator(HERE)
    await add(ada, device)

    assert (await add(bob, device)).status == 409


async def test_tokens_and_root_cannot_have_passkeys(site: Site) -> None:
    browser = site.browser(HERE)
    await browser.follow_link(ADMIN)

    assert (await send(browser, "/me/passkeys/options")).status == 422


async def test_adding_a_passkey_needs_the_form_token_of_the_session(site: Site) -> None:
    ada = await person(site)

    assert (await send(ada, "/me/passkeys/options", x_csrf_token="")).status == 403
    assert (await send(ada, "/me/passkeys/options", origin="https://evil.example")).status == 403


async def test_passkeys_are_refused_at_an_ip_address(site: Site) -> None:
    assert (await send(site.browser("http://127.0.0.1:9443"), "/sign-in/passkey/options")).status == 422
