"""Role x page x action: who may open a page or send a form, in every scope.

``EXPECTED`` is written by hand, from what the documentation says, and not read from the table of pages: a new page
fails ``test_every_page_has_a_row`` until a row says who may use it.
"""

import re
from dataclasses import dataclass

import pytest

from pvdify.dashboard.routes import PAGES
from pvdify.engine.access.users import Invitation
from pvdify.model.token import Role
from tests.support.asgi import Answer
from tests.unit.dashboard.conftest import ADMIN as ROOT
from tests.unit.dashboard.conftest import Browser, Site

READ, DEPLOY, ADMIN, ANYONE = Role.READ, Role.DEPLOY, Role.ADMIN, None
ROLES = (READ, DEPLOY, ADMIN)
# Which users of one app may use it: APP if the app in the path is theirs, LISTED if the page lists only their app,
# NONE if the page is about the server, PREVIEW if the preview in the path is theirs.
APP, LISTED, NONE, PREVIEW = "app", "listed", "none", "preview"

EXPECTED: dict[tuple[str, str], tuple[Role | None, str]] = {
    ("GET", "/"): (READ, LISTED),
    ("GET", "/live"): (READ, LISTED),
    ("GET", "/palette"): (READ, LISTED),
    ("POST", "/deploy"): (DEPLOY, NONE),
    ("GET", "/apps/{app}"): (READ, APP),
    ("GET", "/apps/{app}/live"): (READ, APP),
    ("POST", "/apps/{app}/deploy"): (DEPLOY, APP),
    ("POST", "/apps/{app}/rollback"): (DEPLOY, APP),
    ("POST", "/apps/{app}/scale"): (DEPLOY, APP),
    ("POST", "/apps/{app}/restart"): (DEPLOY, APP),
    ("POST", "/apps/{app}/stop"): (DEPLOY, APP),
    ("POST", "/apps/{app}/start"): (DEPLOY, APP),
    ("POST", "/apps/{app}/maintenance"): (DEPLOY, APP),
    ("POST", "/apps/{app}/pause"): (DEPLOY, APP),
    ("POST", "/apps/{app}/resume"): (DEPLOY, APP),
    ("POST", "/apps/{app}/destroy"): (ADMIN, APP),
    ("GET", "/apps/{app}/releases"): (READ, APP),
    ("GET", "/apps/{app}/releases/{version:int}"): (READ, APP),
    ("GET", "/apps/{app}/releases/{version:int}/live"): (READ, APP),
    ("GET", "/apps/{app}/releases/{version:int}/log"): (READ, APP),
    ("POST", "/apps/{app}/releases/{version:int}/cancel"): (DEPLOY, APP),
    ("GET", "/apps/{app}/logs"): (READ, APP),
    ("GET", "/apps/{app}/logs/live"): (READ, APP),
    ("GET", "/apps/{app}/router-log"): (READ, APP),
    ("GET", "/apps/{app}/config"): (READ, APP),
    ("POST", "/apps/{app}/config"): (DEPLOY, APP),
    ("POST", "/apps/{app}/config/unset"): (DEPLOY, APP),
    ("POST", "/apps/{app}/config/rollback"): (DEPLOY, APP),
    ("POST", "/apps/{app}/config/reveal"): (ADMIN, APP),
    ("GET", "/apps/{app}/domains"): (READ, APP),
    ("POST", "/apps/{app}/domains"): (DEPLOY, APP),
    ("POST", "/apps/{app}/domains/remove"): (DEPLOY, APP),
    ("GET", "/apps/{app}/state"): (READ, APP),
    ("GET", "/apps/{app}/jobs/{job}/{number:int}"): (READ, APP),
    ("POST", "/apps/{app}/jobs/run"): (DEPLOY, APP),
    ("POST", "/apps/{app}/jobs/pause"): (DEPLOY, APP),
    ("POST", "/apps/{app}/jobs/resume"): (DEPLOY, APP),
    ("POST", "/apps/{app}/volumes/destroy"): (DEPLOY, APP),
    ("POST", "/apps/{app}/volumes/restore"): (DEPLOY, APP),
    ("GET", "/apps/{app}/previews"): (READ, APP),
    ("POST", "/apps/{app}/previews/{pr:int}/keep"): (DEPLOY, PREVIEW),
    ("POST", "/apps/{app}/previews/{pr:int}/close"): (DEPLOY, PREVIEW),
    ("POST", "/apps/{app}/previews/{pr:int}/end"): (ADMIN, PREVIEW),
    ("GET", "/activity"): (READ, LISTED),
    ("GET", "/activity/export"): (READ, LISTED),
    ("GET", "/server"): (READ, LISTED),
    ("POST", "/server/tokens"): (ADMIN, NONE),
    ("POST", "/server/tokens/revoke"): (ADMIN, NONE),
    ("POST", "/server/registries"): (ADMIN, NONE),
    ("POST", "/server/registries/remove"): (ADMIN, NONE),
    ("POST", "/server/notifications"): (ADMIN, NONE),
    ("POST", "/server/notifications/remove"): (ADMIN, NONE),
    ("POST", "/server/notifications/test"): (ADMIN, NONE),
    ("GET", "/sign-in"): (ANYONE, NONE),
    ("GET", "/sign-in/link/{secret}"): (ANYONE, NONE),
    ("GET", "/sign-in/account"): (ANYONE, NONE),
    ("GET", "/sign-in/callback"): (ANYONE, NONE),
    ("POST", "/sign-in/passkey/options"): (ANYONE, NONE),
    ("POST", "/sign-in/passkey"): (ANYONE, NONE),
    ("POST", "/sign-out"): (READ, LISTED),
    ("GET", "/invitation/{secret}"): (ANYONE, NONE),
    ("POST", "/invitation/{secret}"): (ANYONE, NONE),
    ("GET", "/me"): (READ, LISTED),
    ("POST", "/me/sessions/{session}/end"): (READ, LISTED),
    ("POST", "/me/sign-out-everywhere"): (READ, LISTED),
    ("POST", "/me/passkeys/options"): (READ, LISTED),
    ("POST", "/me/passkeys"): (READ, LISTED),
    ("POST", "/me/passkeys/{passkey}/remove"): (READ, LISTED),
    ("GET", "/people"): (ADMIN, NONE),
    ("POST", "/people"): (ADMIN, NONE),
    ("POST", "/people/{user}/invite"): (ADMIN, NONE),
    ("POST", "/people/{user}/role"): (ADMIN, NONE),
    ("POST", "/people/{user}/sign-out"): (ADMIN, NONE),
    ("POST", "/people/{user}/remove"): (ADMIN, NONE),
    ("POST", "/people/sessions/{session}/end"): (ADMIN, NONE),
}
APPS = ("shop", "blog", "shop-pr-7", "shop-staging")
# A path needs some value; what is not there is answered with 404 to those who may ask.
VALUES = {
    "secret": "x", "session": "none", "user": "none", "version": "1", "pr": "7", "passkey": "none", "job": "none",
    "number": "1",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of user. ``role``: None for a browser that is not signed in."""

    name: str
    role: Role | None
    app: str | None = None


KINDS = (
    Kind("anonymous", None), Kind("removed", None), Kind("signed out", None),
    Kind("read", READ), Kind("deploy", DEPLOY), Kind("admin", ADMIN),
    Kind("read shop", READ, "shop"), Kind("deploy shop", DEPLOY, "shop"), Kind("deploy preview", DEPLOY, "shop-pr-7"),
)  # fmt: skip


async def _browser(site: Site, kind: Kind, number: int = 0) -> Browser:
    """Return the browser of an invited user of this kind."""
    browser = site.browser()
    if kind.name == "anonymous":
        return browser
    wanted = Invitation(name=f"{kind.name} {number}", role=kind.role or ADMIN, app=kind.app)
    user, secret = await site.engine.users.invite(wanted, ROOT)
    await browser.post(f"/invitation/{secret}")
    await browser.get("/me")
    if kind.name == "removed":
        await site.engine.users.remove(user.id, ROOT)
    if kind.name == "signed out":
        cookies = dict(browser.cookies)
        await browser.post("/sign-out")
        browser.cookies = cookies
    return browser


@pytest.fixture
async def crowd(site: Site) -> dict[str, Browser]:
    for app in APPS:
        await site.daemon.requests.create_app(app, ROOT)
    return {kind.name: await _browser(site, kind) for kind in KINDS}


def _is_allowed(kind: Kind, needs: Role | None, scope: str, app: str) -> bool:
    if needs is None:
        return True
    if kind.role is None or ROLES.index(kind.role) < ROLES.index(needs):
        return False
    if kind.app is None or scope == LISTED:
        return True
    app = f"{app}-pr-7" if scope == PREVIEW else app
    return scope in (APP, PREVIEW) and (app == kind.app or re.fullmatch(rf"{kind.app}-pr-[0-9]+", app) is not None)


def _path(template: str, app: str) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: (VALUES | {"app": app})[found[1]], template)


async def _ask(browser: Browser, method: str, path: str) -> Answer:
    if method == "GET":
        return await browser.get(path)
    return await browser.post(path, x_csrf_token=browser.csrf)


def test_every_page_has_a_row() -> None:
    assert {(page.method, page.path) for page in PAGES} == set(EXPECTED)


# Tests of reads share a world, because making one takes longer than all requests to it.
READING = tuple(page for page in EXPECTED if page[0] == "GET")
GROUPS = (READING, *((page,) for page in EXPECTED if page not in READING))


@pytest.mark.slow
@pytest.mark.parametrize("pages", GROUPS, ids=lambda pages: " ".join(pages[0]) if len(pages) == 1 else "GET")
async def test_who_may_use_a_page(site: Site, crowd: dict[str, Browser], pages: tuple[tuple[str, str], ...]) -> None:
    assert [line for method, path in pages for line in await _unexpected(site, crowd, method, path)] == []


async def _unexpected(site: Site, crowd: dict[str, Browser], method: str, path: str) -> list[str]:
    needs, scope = EXPECTED[method, path]
    unexpected = []

    for number, app in enumerate(APPS if "{app}" in path else APPS[:1], start=1):
        for kind in KINDS:
            ends_session = path in ("/sign-out", "/me/sign-out-everywhere")
            browser = await _browser(site, kind, number) if ends_session else crowd[kind.name]
            browser.address = f"192.0.2.{KINDS.index(kind) + 10 * number}"
            answer = await _ask(browser, method, _path(path, app))
            location = answer.headers.get("location", "")
            is_redirected = answer.status == 303 and location.startswith("/sign-in?to=")
            is_refused = (
                answer.status == 403
                or is_redirected
                or (answer.status == 401 and b"you are not signed in" in answer.content)
            )
            if _is_allowed(kind, needs, scope, app) is is_refused or answer.status >= 500:
                unexpected.append(f"{method} {path}: {kind.name} on {app}: {answer.status} {location}")
            elif is_refused and (kind.role is None) is (answer.status == 403):
                unexpected.append(f"{method} {path}: {kind.name} on {app}: refused with {answer.status}")

    return unexpected
