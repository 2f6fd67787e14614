"""Every way into the dashboard, in a real browser with its real rules about cookies, origins and passkeys."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, Server
from tests.support.accounts_server import Person

HOSTILE = '"><img src=x onerror=alert(1)><svg onload=alert(2)>{{7*7}}&#60;b'


def signed_in(server: Server, page: Page) -> Page:
    """The page as an admin sees it."""
    page.goto(server.link())
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    return page


def invite(server: Server, page: Page, name: str) -> str:
    """Invite a person on the page *People*; their link."""
    page.goto(f"{server.url}/people")
    form = page.locator("form[action='/people']")
    form.get_by_label("Name").fill(name)
    form.get_by_role("button", name="Invite").click()
    return page.locator("code.link").inner_text()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_link_of_pvdify_open_signs_in_once(server: Server, new_page: NewPage, has_scripts: bool) -> None:
    link, page, other = (
        server.pvdify("open", "--print"),
        new_page(has_scripts=has_scripts),
        new_page(has_scripts=has_scripts),
    )

    page.goto(link)
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    other.goto(link)

    expect(other.get_by_role("heading", name="this link does not sign you in")).to_be_visible()
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")


def test_signing_out_ends_the_session(server: Server, new_page: NewPage) -> None:
    page = signed_in(server, new_page())
    cookies = page.context.cookies()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to pvdify")).to_be_visible()
    page.context.add_cookies([cookies[0]])
    page.goto(server.url)

    expect(page.get_by_role("heading", name="Sign in to pvdify")).to_be_visible()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_an_invited_person_signs_in_and_is_removed(server: Server, new_page: NewPage, has_scripts: bool) -> None:
    admin, ada = new_page(has_scripts=has_scripts), new_page(has_scripts=has_scripts)
    name = f"Ada {has_scripts}"
    signed_in(server, admin)

    ada.goto(invite(server, admin, name))
    ada.get_by_role("button", name="Sign in").click()
    expect(ada.get_by_role("heading", name=name)).to_be_visible()
    expect(ada.get_by_role("link", name="People")).to_have_count(0)
    assert ada.goto(f"{server.url}/people").status == 403

    admin.goto(f"{server.url}/people")
    admin.get_by_label(f"Role of {name}", exact=True).select_option("admin")
    admin.get_by_role("button", name=f"Change the role of {name}").click()
    expect(admin.locator(".notice:not(.cut)")).to_contain_text(f"{name} now has the role admin for all apps.")
    assert ada.goto(f"{server.url}/people").status == 200

    admin.get_by_role("button", name=f"Remove {name}").click()
    expect(admin.locator(".notice:not(.cut)")).to_contain_text(f"{name} was removed.")
    ada.goto(server.url)
    expect(ada.get_by_role("heading", name="Sign in to pvdify")).to_be_visible()


def test_an_account_at_a_provider_signs_in_across_sites(server: Server, new_page: NewPage) -> None:
    ada = new_page()
    server.pvdify("users:invite", "Grace", "--email", "grace@example.com")
    server.accounts.person = Person(subject="70", email="grace@example.com", name="Grace Hopper")

    ada.goto(f"{server.url}/me")
    ada.get_by_role("link", name=re.compile("Sign in with")).click()

    expect(ada.get_by_role("heading", name="Grace")).to_be_visible()
    assert ada.url == f"{server.url}/me"
    names = {cookie["name"] for cookie in ada.context.cookies()}
    assert len(names) == 1  # the attempt's cookie is gone


def test_an_account_that_is_not_invited_is_refused(server: Server, new_page: NewPage) -> None:
    page = new_page()
    server.accounts.person = Person(subject="71", email="mallory@example.com")

    page.goto(f"{server.url}/sign-in")
    page.get_by_role("link", name=re.compile("Sign in with")).click()

    expect(page.get_by_role("heading", name="mallory@example.com is not invited to this server")).to_be_visible()
    assert page.context.cookies() == [] or page.goto(server.url).url.endswith("/sign-in?to=%2F")


def test_a_passkey_is_added_and_signs_in(server: Server, new_page: NewPage) -> None:
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    page.goto(server.pvdify("users:invite", "Joan", "--role", "deploy"))
    page.get_by_role("button", name="Sign in").click()

    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("rowheader", name="laptop")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    page.goto(f"{server.url}/me")
    expect(page.locator("table").last).to_contain_text("passkey")


def test_an_unknown_passkey_is_reported_on_the_page(server: Server, new_page: NewPage) -> None:
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    authenticator = devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})["authenticatorId"]
    page.goto(server.pvdify("users:invite", "Hedy"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("rowheader", name="this device")).to_be_visible()
    page.get_by_role("button", name="Remove the passkey this device").click()
    page.get_by_role("button", name="Sign out everywhere").click()

    page.get_by_role("button", name="Sign in with a passkey").click()

    assert devices.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    expect(page.get_by_role("alert")).to_contain_text("no user of this server has this passkey")


def test_hostile_names_are_text(server: Server, new_page: NewPage) -> None:
    admin, ada = signed_in(server, new_page()), new_page()

    link = invite(server, admin, HOSTILE)
    expect(admin.get_by_role("heading", name=re.compile("is invited"))).to_contain_text(HOSTILE)
    ada.goto(link)

    expect(ada.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    server.pvdify("users:remove", HOSTILE)


def test_a_page_of_another_site_changes_nothing(server: Server, new_page: NewPage) -> None:
    page = signed_in(server, new_page())
    before = server.pvdify("users")

    page.goto(f"{server.accounts.url}/jwks")  # another site in the same browser
    page.evaluate(
        """async (url) => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = `${url}/people`;
            for (const [name, value] of [["name", "Mallory"], ["role", "admin"], ["csrf", "x.y"]]) {
                const field = document.createElement("input");
                [field.name, field.value] = [name, value];
                form.append(field);
            }
            document.documentElement.append(form);
            form.submit();
        }""",
        server.url,
    )
    expect(page.get_by_role("heading", name="this form was not accepted")).to_be_visible()

    assert server.pvdify("users") == before


def test_a_link_from_another_site_keeps_the_session(server: Server, new_page: NewPage) -> None:
    page = signed_in(server, new_page())

    page.goto(f"{server.accounts.url}/jwks")
    page.evaluate("(url) => { location.href = url; }", f"{server.url}/people")

    expect(page.get_by_role("heading", name="People")).to_be_visible()
