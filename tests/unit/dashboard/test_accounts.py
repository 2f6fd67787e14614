"""Signing in with an account at a provider: which accounts are accepted, as which user, and which are refused."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from pvdify.engine.access.users import Invitation
from pvdify.model.sign_in import Account
from pvdify.model.token import Role
from tests.fakes.sign_in_provider import ADA, ISSUER
from tests.unit.dashboard.conftest import ADMIN, Browser, Site, build_site


async def begin(browser: Browser, to: str = "") -> str:
    """Return the state with which the browser is redirected to the provider."""
    answer = await browser.get(f"/sign-in/account?to={to}")
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"{ISSUER}/authorize")
    return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]


async def sign_in(browser: Browser, account: Account = ADA, to: str = "") -> int:
    """Return the status of the answer to the browser that returns from the provider."""
    state = await begin(browser, to)
    code = browser.site.machine.sign_in_provider.approve(account)
    return (await browser.get(f"/sign-in/callback?code={code}&state={state}", sec_fetch_site="cross-site")).status


async def test_a_person_invited_by_email_signs_in_with_their_account(site: Site) -> None:
    await site.engine.users.invite(Invitation(name="Ada", role=Role.DEPLOY, email="ada@example.com"), ADMIN)
    browser = site.browser()

    assert await sign_in(browser) == 200

    page = (await browser.get("/me")).content
    assert b"Role: deploy" in page
    user = await site.engine.users.find("Ada")
    assert (user.issuer, user.subject, user.invitation) == (ISSUER, "7", "")
    (event, *_) = [it for it in await site.machine.store.events(limit=5) if it.action == "user.joined"]
    assert (event.actor, event.text) == ("Ada", "Ada is ada@example.com at id.example.com")


async def test_after_the_first_sign_in_the_account_counts_and_not_its_email(site: Site) -> None:
    await site.engine.users.invite(Invitation(name="Ada", email="ada@example.com"), ADMIN)
    await sign_in(site.browser())

    renamed = await sign_in(site.browser(), replace(ADA, emails=("lovelace@example.com",)))
    taken_over = await sign_in(site.browser(), replace(ADA, subject="8"))

    assert (renamed, taken_over) == (200, 403)


async def test_an_account_at_github_is_found_by_its_login(site: Site) -> None:
    await site.engine.users.invite(Invitation(name="Ada", github="Ada-L"), ADMIN)
    github = Account(issuer="https://github.com", subject="99", github="ada-l")

    assert await sign_in(site.browser(), replace(github, subject="98", github="ada")) == 403
    assert await sign_in(site.browser(), github) == 200


@pytest.mark.parametrize(
    "account",
    [
        replace(ADA, subject="9", emails=("bob@example.com",)), replace(ADA, subject="9", emails=()),
        replace(ADA, subject="9", emails=(), name="ada@example.com"), replace(ADA, subject="9", emails=(), github=""),
    ],
)  # fmt: skip
async def test_an_account_that_was_not_invited_is_refused(site: Site, account: Account) -> None:
    await site.engine.users.invite(Invitation(name="Ada", email="ada@example.com"), ADMIN)
    await site.engine.users.invite(Invitation(name="Bob"), ADMIN)
    browser = site.browser()

    assert await sign_in(browser, account) == 403
    assert (await browser.get("/")).status == 303


async def test_a_sign_in_cannot_be_completed_by_another_browser(site: Site) -> None:
    await site.engine.users.invite(Invitation(name="Ada", email="ada@example.com"), ADMIN)
    begun, other = site.browser(), site.browser()
    state = await begin(begun)
    await begin(other)
    code = site.machine.sign_in_provider.approve()
    path = f"/sign-in/callback?code={code}&state={state}"

    assert (await site.browser().get(path)).status == 401
    assert (await other.get(path)).status == 401
    assert (await begun.get(path)).status == 200
    assert (await begun.get(path)).status == 401


async def test_a_sign_in_attempt_expires_after_ten_minutes(site: Site) -> None:
    browser = site.browser()
    state = await begin(browser)
    await site.machine.clock.sleep(600.0)

    code = site.machine.sign_in_provider.approve()
    assert (await browser.get(f"/sign-in/callback?code={code}&state={state}")).status == 401


async def test_a_sign_in_declined_at_the_provider_is_reported(site: Site) -> None:
    browser = site.browser()
    state = await begin(browser)

    answer = await browser.get(f"/sign-in/callback?error=access_denied&state={state}")

    assert (answer.status, b"did not sign you in" in answer.content) == (401, True)


async def test_a_provider_outage_names_another_way_to_sign_in(site: Site) -> None:
    site.machine.sign_in_provider.is_down = True

    assert (await site.browser().get("/sign-in/account")).status == 503


async def test_after_sign_in_the_browser_is_redirected_to_the_requested_page(site: Site) -> None:
    await site.engine.users.invite(Invitation(name="Ada", email="ada@example.com"), ADMIN)
    browser = site.browser()
    state = await begin(browser, to="/me")
    code = site.machine.sign_in_provider.approve()

    answer = await browser.get(f"/sign-in/callback?code={code}&state={state}")

    assert b'content="0; url=/me"' in answer.content


async def test_refused_accounts_are_rate_limited(site: Site) -> None:
    browser = site.browser()

    assert [await sign_in(browser) for _ in range(11)] == [403] * 10 + [429]


@pytest.mark.parametrize(
    ("allow", "account", "status"),
    [
        ("@example.com", ADA, 200),
        ("ada@example.com", ADA, 200),
        ("@ample.com", ADA, 403),
        ("a@example.com", ADA, 403),
        ("@example.com", replace(ADA, emails=("ada@example.com.evil.net",)), 403),
        ("@example.com", replace(ADA, emails=()), 403),
        ("ada", replace(ADA, emails=(), github="Ada"), 200),
        ("ada", replace(ADA, emails=("ada@evil.net",)), 403),
    ],
)
async def test_accounts_on_the_allow_list_are_signed_in(allow: str, account: Account, status: int) -> None:
    async with build_site(sign_in_allow=allow, sign_in_role="deploy") as site:
        browser = site.browser()

        assert await sign_in(browser, account) == status

        if status == 200:
            (user,) = await site.engine.users.list()
            assert (user.name, user.role) == ("Ada Lovelace", Role.DEPLOY)


async def test_a_removed_user_is_not_signed_in_again_by_the_allow_list() -> None:
    async with build_site(sign_in_allow="@example.com") as site:
        await sign_in(site.browser())
        await site.engine.users.remove("Ada Lovelace", ADMIN)
        assert await sign_in(site.browser()) == 403

        await site.engine.users.invite(Invitation(name="Ada", email="ada@example.com"), ADMIN)

        assert await sign_in(site.browser()) == 200


@pytest.mark.parametrize(
    ("name", "shown"), [("a/../b", "a..b"), ("root", "user"), ("\n", "user"), ("x" * 300, "x" * 76)]
)
async def test_a_reserved_user_name_is_changed(name: str, shown: str) -> None:
    async with build_site(sign_in_allow="@example.com") as site:
        await sign_in(site.browser(), replace(ADA, name=name))

        assert [user.name for user in await site.engine.users.list()] == [shown]


async def test_two_accounts_with_the_same_name_get_different_user_names() -> None:
    async with build_site(sign_in_allow="@example.com") as site:
        await sign_in(site.browser())
        await sign_in(site.browser(), replace(ADA, subject="8", emails=("ada2@example.com",)))

        assert [user.name for user in await site.engine.users.list()] == ["Ada Lovelace", "Ada Lovelace 2"]
