"""Take pictures of every page of the dashboard with sample apps: ``make screenshots ARGS=DIRECTORY``."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import structlog
from playwright.sync_api import Browser, sync_playwright

from tests.support.chromium import launch
from tests.support.running_site import RunningSite, running_site

PAGES = {
    "now": "/", "app": "/apps/shop", "releases": "/apps/shop/releases", "release": "/apps/shop/releases/3",
    "release-failed": "/apps/shop/releases/4", "logs": "/apps/shop/logs", "router-log": "/apps/shop/router-log",
    "config": "/apps/shop/config", "domains": "/apps/shop/domains", "state": "/apps/shop/state",
    "previews": "/apps/shop/previews", "activity": "/activity", "server": "/server",
}  # fmt: skip
IN_README = ("now", "release-failed", "logs")
SETTLED_MS = 6000  # the instance that crashes at the end of the sample data is counted again after 5 s
SHOWN_MS = 500


@dataclass(frozen=True, kw_only=True)
class View:
    """How a browser shows a page."""

    scheme: str
    width: int
    height: int


VIEWS = (
    View(scheme="light", width=1280, height=860), View(scheme="dark", width=1280, height=860),
    View(scheme="light", width=360, height=740), View(scheme="dark", width=360, height=740),
)  # fmt: skip


def main() -> None:
    """Read the arguments, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--readme", action="store_true", help="only the ones in the README")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    arguments.directory.mkdir(parents=True, exist_ok=True)
    with running_site() as site, sync_playwright() as playwright:
        browser = launch(playwright)
        if arguments.readme:
            _take(browser, site, VIEWS[0], arguments.directory, IN_README, is_whole=False)
            return
        for view in VIEWS:
            _take(browser, site, view, arguments.directory, tuple(PAGES), is_whole=True)


def _take(
    browser: Browser, site: RunningSite, view: View, directory: Path, names: tuple[str, ...], *, is_whole: bool
) -> None:
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.scheme == "dark" else "light", reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(site.link())
    page.wait_for_url(f"{site.origin}/")
    page.wait_for_timeout(SETTLED_MS)
    for name in names:
        page.goto(site.origin + PAGES[name])
        page.wait_for_timeout(SHOWN_MS)
        file = f"dashboard-{name}.png" if not is_whole else f"{name}-{view.scheme}-{view.width}.png"
        page.screenshot(path=directory / file, full_page=is_whole)
    context.close()


if __name__ == "__main__":
    main()
