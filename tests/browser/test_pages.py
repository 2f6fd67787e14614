"""Each page in every form: scripts on and off, light and dark, wide and narrow."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import violations
from tests.browser.visitors import PATIENCE_MS, Visitor, deploy, invite, visit
from tests.support.running_site import RunningSite

PATHS = (
    "/", "/activity", "/server", "/me", "/people", "/apps/shop", "/apps/shop/releases", "/apps/shop/releases/3",
    "/apps/shop/releases/4", "/apps/shop/logs", "/apps/shop/router-log", "/apps/shop/config",
    "/apps/shop/config?edit=LOG_LEVEL", "/apps/shop/domains", "/apps/shop/state", "/apps/shop/previews", "/apps/blog",
)  # fmt: skip
LONG_NAME = f"{'a' * 19}-{'b' * 20}"
MEASURE = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_has_no_console_errors_and_is_accessible(
    chromium: Browser, site: RunningSite, scheme: Literal["light", "dark"], width: int
) -> None:
    deploy(site, LONG_NAME)
    invite(site, "Ada Byron")
    visitor = visit(chromium, site, width=width, scheme=scheme)
    problems = []

    for path in (*PATHS, f"/apps/{LONG_NAME}", f"/apps/{LONG_NAME}/state"):
        page = visitor.go(path)
        needed, there = page.evaluate(MEASURE)
        problems += [f"{path} is {needed} wide in {there}"] if needed > there else []
        problems += [f"{path}: {found}" for found in violations(page)]

    assert not problems, "\n".join(problems)
    assert visitor.complaints == []
    visitor.context.close()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_works_without_scripts(
    chromium: Browser, site: RunningSite, scheme: Literal["light", "dark"], width: int
) -> None:
    visitor = visit(chromium, site, width=width, scheme=scheme, has_scripts=False)

    for path in PATHS:
        page = visitor.go(path)
        assert page.locator("main").inner_text().strip(), path
        assert page.locator("[data-needs-script]:visible").count() == 0, path

    assert visitor.complaints == []
    visitor.context.close()


def test_page_with_scripts_shows_times_in_the_readers_zone(visitor: Visitor) -> None:
    page = visitor.go("/apps/shop/releases")

    title = page.locator("time").first.get_attribute("title") or ""

    assert title
    assert "UTC" in title or ":" in title


def test_volumes_that_were_not_read_yet_come_up_by_themselves(visitor: Visitor) -> None:
    page = visitor.go("/apps/api/state")
    assert "Being read" in page.locator("#volumes").inner_text()

    expect(page.locator("#volumes")).to_contain_text("As seen", timeout=PATIENCE_MS)

    assert page.locator("#volumes").count() == 1
    assert visitor.complaints == []
