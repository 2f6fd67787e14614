"""Inviting users, their rights, and removing them; over the pages and over the API."""

import re
from datetime import timedelta

from pvdify.engine.access.users import Invitation
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.token import Role
from tests.unit.dashboard.conftest import ADMIN, Browser, Site


async def invited(site: Site, role: Role = Role.READ, app: str | None = None, name: str = "Ada") -> Browser:
    """Return a browser whose user has accepted an invitation."""
    _, secret = await site.engine.users.invite(Invitation(name=name, role=role, app=app), ADMIN)
    browser = site.browser()
    assert (await browser.post(f"/invitation/{secret}")).status == 200
    await browser.get("/")
    return browser


async def test_an_invitation_is_shown_once_and_signs_in_once(site: Site) -> None:
    admin, ada, other = await site.signed_in(), site.browser(), site.browser()
    page = (await admin.post("/people", {"name": "Ada", "role": "deploy", "app": ""})).content.decode()
    (link,) = re.findall(r"http://127\.0\.0\.1:9443(/invitation/[\w-]+)", page)

    previews = [(await ada.get(link)).status for _ in range(3)]  # as programs do that preview links
    accepted = (await ada.post(link)).status
    again = (await other.post(link)).status

    assert (previews, accepted, again) == ([200] * 3, 200, 401)
    assert b'<span class="role">deploy</span>' in (await ada.get("/")).content
    assert link.encode() not in (await admin.get("/people")).content


async def test_an_invitation_is_for_this_sites_own_form(site: Site) -> None:
    _, secret = await site.engine.users.invite(Invitation(name="Ada"), ADMIN)

    answer = await site.browser().post(f"/invitation/{secret}", origin="https://evil.example", sec_fetch_site="")

    assert answer.status == 403


async def test_an_invitation_ends_after_a_week_and_when_there_is_a_newer_one(site: Site) -> None:
    _, first = await site.engine.users.invite(Invitation(name="Ada"), ADMIN)
    _, second = await site.engine.users.invite_again("ada", ADMIN)
    assert (await site.browser().get(f"/invitation/{first}")).status == 401
    assert (await site.browser().get(f"/invitation/{second}")).status == 200

    await site.machine.clock.sleep(timedelta(days=7).total_seconds())

    assert (await site.browser().get(f"/invitation/{second}")).status == 401


async def test_a_role_changes_with_the_next_request(site: Site) -> None:
    admin, ada = await site.signed_in(), await invited(site)
    user = await site.engine.users.find("Ada")
    assert (await ada.get("/people")).status == 403

    await admin.get("/people")
    answer = await admin.post(f"/people/{user.id}/role", {"role": "admin", "app": ""})

    assert (answer.status, answer.headers["location"]) == (303, "/people")
    assert b"Ada now has the role admin for all apps." in (await admin.get("/people")).content
    assert b"Ada now has" not in (await admin.get("/people")).content
    assert (await ada.get("/people")).status == 200


async def test_a_removed_user_is_signed_out_and_the_name_is_free(site: Site) -> None:
    admin, ada = await site.signed_in(), await invited(site)
    await admin.get("/people")

    await admin.post(f"/people/{(await site.engine.users.find('Ada')).id}/remove")

    assert (await ada.get("/")).status == 303
    await invited(site)


async def test_names_and_accounts_are_unique(site: Site) -> None:
    admin = await site.signed_in()
    await admin.get("/people")
    await admin.post("/people", {"name": "Ada", "role": "read", "email": "Ada@Example.com", "github": "ada"})

    for form in ({"name": "ADA"}, {"name": "B", "email": "ada@example.com"}, {"name": "B", "github": "Ada"}):
        assert (await admin.post("/people", {"role": "read", **form})).status == 409
    for form in (
        {"name": ""}, {"name": "root"}, {"name": "a\tb"}, {"name": "a/b"}, {"name": ".."},
        {"name": "x" * 81}, {"name": "B", "email": "nobody"},
        {"name": "B", "github": "-"}, {"name": "B", "role": "king"}, {"name": "B", "role": "admin", "app": "shop"},
    ):  # fmt: skip
        assert (await admin.post("/people", {"role": "read", **form})).status == 422


async def test_actions_of_a_user_are_recorded_with_their_name(site: Site) -> None:
    ada = await invited(site, Role.ADMIN)

    await ada.get("/people")
    await ada.post("/people", {"name": "Bob", "role": "read"})

    (event, *_) = await site.machine.store.events(limit=1)
    assert (event.action, event.actor, event.address, event.text) == (
        "user.invited", "Ada", "192.0.2.7", "Bob (read, all apps)",
    )  # fmt: skip


async def test_sessions_are_listed_and_end_one_by_one(site: Site) -> None:
    admin = await site.signed_in()
    await invited(site)
    (second,) = (it for it in await site.engine.sessions.list() if it.name == "Ada")
    page = (await admin.get("/people")).content.decode()
    assert second.id in page

    answer = await admin.post(f"/people/sessions/{second.id}/end")

    assert answer.status == 303
    assert second.id not in [it.id for it in await site.engine.sessions.list()]
    assert (await admin.post(f"/people/sessions/{second.id}/end")).status == 404


async def test_users_can_end_only_their_own_sessions(site: Site) -> None:
    admin, ada = await site.signed_in(), await invited(site)
    sessions = {it.name: it.id for it in await site.engine.sessions.list()}

    page = (await ada.get("/me")).content.decode()
    refused = (await ada.post(f"/me/sessions/{sessions['someone']}/end")).status
    ended = (await ada.post(f"/me/sessions/{sessions['Ada']}/end")).status

    assert sessions["Ada"] in page
    assert sessions["someone"] not in page
    assert (refused, ended) == (403, 303)
    assert (await admin.get("/")).status == 200
    assert (await ada.get("/")).status == 303


async def test_signing_out_everywhere_ends_only_that_users_sessions(site: Site) -> None:
    admin, here = await site.signed_in(), await invited(site)
    _, secret = await site.engine.users.invite_again("Ada", ADMIN)
    there = site.browser()
    await there.post(f"/invitation/{secret}")
    await here.get("/me")

    answer = await here.post("/me/sign-out-everywhere")

    assert answer.headers["location"] == "/sign-in"
    assert [(await browser.get("/")).status for browser in (here, there, admin)] == [303, 303, 200]


async def test_a_user_of_one_app_has_no_access_to_others(site: Site) -> None:
    for app in ("shop", "blog"):
        await site.daemon.requests.create_app(app, ADMIN)
    ada = await invited(site, Role.DEPLOY, "shop")

    page = (await ada.get("/")).content

    assert (b"shop" in page, b"blog" in page) == (True, False)
    assert (await ada.get("/me")).status == 200


async def test_a_user_of_a_destroyed_app_has_no_access_to_the_next_app_of_its_name(site: Site) -> None:
    daemon = site.engine
    await daemon.requests.create_app("shop", ADMIN)
    ada = await invited(site, Role.DEPLOY, "shop")
    assert (await ada.get("/apps/shop")).status == 200

    gone = Event(at=site.machine.clock.now(), actor="x", action=Action.APP_DESTROYED, app="shop")
    await site.machine.store.delete_app("shop", gone)
    await daemon.requests.create_app("shop", ADMIN)

    assert (await ada.get("/apps/shop")).status != 200
    assert [it.name for it in await daemon.users.list()] == []
