"""Signed-in browsers at a dashboard on the fakes, over real HTTP."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from pvdify.engine.access.users import Invitation
from pvdify.errors import UserExists
from tests.fakes.sample_server import ADMIN, REGISTRY
from tests.support.running_site import RunningSite, running_site
from tests.support.wanted import deploy_request

PATIENCE_MS = 30_000


@dataclass
class Visitor:
    """A signed-in browser that records errors on the console and violations of the policy."""

    site: RunningSite
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    clicks: int = 0

    def go(self, path: str) -> Page:
        self.page.goto(self.site.origin + path, wait_until="load")
        return self.page

    def click(self, text: str, role: Literal["button", "link"] = "button", *, exact: bool = False) -> None:
        """Click a button or link as a person does, and count it."""
        self.clicks += 1
        self.page.get_by_role(role, name=text, exact=exact).first.click()


def visit(
    browser: Browser, site: RunningSite, *, width: int = 1280, scheme: Literal["light", "dark"] = "light",
    has_scripts: bool = True,
) -> Visitor:  # fmt: skip
    """A new browser profile, signed in by a link."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=has_scripts,
        reduced_motion="reduce",
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    visitor = Visitor(site=site, context=context, page=page)

    def note(kind: str, text: str) -> None:
        if kind in ("error", "warning") and "ERR_INTERNET_DISCONNECTED" not in text:
            visitor.complaints.append(f"{kind}: {text}")

    page.on("console", lambda message: note(message.type, message.text))
    page.on("pageerror", lambda error: note("error", str(error)))
    page.on("dialog", lambda dialog: (note("error", f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(site.link())
    page.wait_for_url(f"{site.origin}/")
    return visitor


def deploy(site: RunningSite, app: str) -> None:
    """Deploy an image to an app, which is made if it does not exist; return before the deploy has ended."""

    async def run() -> None:
        site.server.machine.registry.push(f"{REGISTRY}/{app}:v1")
        await site.server.engine.requests.deploy(app, deploy_request(f"{REGISTRY}/{app}:v1"), ADMIN)

    site.call(run)


def invite(site: RunningSite, name: str) -> None:
    """Invite a person, unless that was done before."""

    async def run() -> None:
        with suppress(UserExists):
            await site.server.engine.users.invite(Invitation(name=name), ADMIN)

    site.call(run)


@pytest.fixture(scope="package")
def site() -> Iterator[RunningSite]:
    with running_site() as running:
        yield running


@pytest.fixture
def visitor(chromium: Browser, site: RunningSite) -> Iterator[Visitor]:
    it = visit(chromium, site)
    yield it
    it.context.close()
