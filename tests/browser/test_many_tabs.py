"""Many open tabs: each one shows what happens, although a browser has six connections to a site over HTTP/1.1."""

import os
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.visitors import PATIENCE_MS, Visitor, deploy, visit
from tests.support.running_site import RunningSite

FEW, AT_ONCE = 9, 40
TABS = int(os.environ.get("PVDIFY_TEST_TABS", "200"))
SECONDS = int(os.environ.get("PVDIFY_TEST_TAB_SECONDS", "300"))
LATE_MS = 120_000  # how long the last of many tabs may wait for its turn on a busy machine


@pytest.fixture
def visitors(chromium: Browser, site: RunningSite) -> Iterator[Callable[[], Visitor]]:
    made: list[Visitor] = []

    def make() -> Visitor:
        made.append(visit(chromium, site))
        return made[-1]

    yield make
    for it in made:
        it.context.close()


def tabs(visitor: Visitor, count: int, path: str = "/") -> list[Page]:
    """Tabs of one browser, all of them visible."""
    visitor.go(path)
    opened = [visitor.page]
    while len(opened) < count:
        opened.append(visitor.context.new_page())
        opened[-1].goto(visitor.site.origin + path, wait_until="load")
    return opened


def test_more_tabs_than_a_browser_has_connections_are_all_live(
    visitors: Callable[[], Visitor], site: RunningSite
) -> None:
    opened = tabs(visitors(), FEW)

    deploy(site, "seen-in-all-tabs")

    for page in opened:
        expect(page.locator("#now")).to_contain_text("seen-in-all-tabs", timeout=LATE_MS)
        expect(page.locator("#cut")).to_be_hidden()


def test_lines_of_a_log_come_once_and_in_order_to_a_tab_that_takes_turns(
    visitors: Callable[[], Visitor], site: RunningSite
) -> None:
    supervisor = site.server.machine.supervisor
    name = next(name for name in sorted(supervisor.running) if "-api-web-" in name)
    opened = tabs(visitors(), FEW, "/apps/api/logs?text=turns")

    for number in range(6):

        async def write(number: int = number) -> None:
            supervisor.write(name, f"turns {number}.")

        site.call(write)
        time.sleep(0.5)

    for page in opened:
        expect(page.locator("#log")).to_contain_text("turns 5.", timeout=LATE_MS)
        shown = page.locator("#log .text").all_inner_texts()
        found = [number for line in shown for number in range(6) if f"turns {number}." in line]
        assert found == list(range(6))


def test_script_that_comes_late_still_finds_the_live_parts(chromium: Browser, site: RunningSite) -> None:
    visitor = visit(chromium, site)

    def late(route: Route) -> None:
        time.sleep(1)
        route.continue_()

    visitor.context.route("**/static/live.js*", late)
    page = visitor.go("/")

    deploy(site, "seen-by-a-late-script")

    expect(page.locator("#now")).to_contain_text("seen-by-a-late-script", timeout=PATIENCE_MS)
    visitor.context.close()


def test_refused_stream_is_asked_for_again_and_its_answer_is_not_shown(chromium: Browser, site: RunningSite) -> None:
    visitor = visit(chromium, site)
    refused: list[str] = []

    def refuse(route: Route) -> None:
        if "turn=yes" in route.request.url:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=429, content_type="text/html", body="<p>too many streams at once</p>")

    visitor.context.route("**/live?*", refuse)
    page = visitor.go("/")

    deploy(site, "seen-after-a-refusal")

    expect(page.locator("#now")).to_contain_text("seen-after-a-refusal", timeout=PATIENCE_MS)
    assert refused
    assert "too many streams" not in page.locator("#now").inner_text()
    expect(page.locator("#cut")).to_be_hidden()
    visitor.context.close()


def test_page_says_that_it_may_be_old_while_nothing_answers(chromium: Browser, site: RunningSite) -> None:
    visitor = visit(chromium, site)
    visitor.context.route("**/live?*", lambda route: route.abort())
    page = visitor.go("/")

    expect(page.locator("#cut")).to_contain_text("may be old", timeout=PATIENCE_MS)

    visitor.context.unroute("**/live?*")
    expect(page.locator("#cut")).to_be_hidden(timeout=PATIENCE_MS)
    deploy(site, "seen-after-a-cut")
    expect(page.locator("#now")).to_contain_text("seen-after-a-cut", timeout=PATIENCE_MS)
    visitor.context.close()


def test_browser_without_locks_asks_in_turns_one_request_at_a_time(chromium: Browser, site: RunningSite) -> None:
    visitor = visit(chromium, site)
    visitor.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    visitor.page.goto("about:blank")  # the page of the sign-in has locks, and may only now ask for its live parts
    asked: list[str] = []
    unanswered: set[Request] = set()
    at_once = [0]

    def begin(request: Request) -> None:
        if "/live?" in request.url:
            asked.append(request.url)
            unanswered.add(request)
            at_once.append(len(unanswered))

    def end(request: Request) -> None:
        unanswered.discard(request)

    visitor.page.on("request", begin)
    visitor.page.on("requestfinished", end)
    visitor.page.on("requestfailed", end)
    page = visitor.go("/")

    deploy(site, "seen-without-locks")

    expect(page.locator("#now")).to_contain_text("seen-without-locks", timeout=PATIENCE_MS)
    assert all("turn=yes" in url for url in asked)
    assert max(at_once) == 1
    assert visitor.complaints == []
    visitor.context.close()


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_tabs_stay_live_for_minutes(visitors: Callable[[], Visitor], site: RunningSite) -> None:
    """`PVDIFY_TEST_TABS` tabs of several browsers see each deploy of `PVDIFY_TEST_TAB_SECONDS`."""
    opened: list[Page] = []
    while len(opened) < TABS:
        opened += tabs(visitors(), min(AT_ONCE, TABS - len(opened)))
    begun, rounds = time.monotonic(), 0

    while time.monotonic() - begun < SECONDS:
        rounds += 1
        deploy(site, f"round-{rounds}")
        for page in opened:
            expect(page.locator("#now")).to_contain_text(f"round-{rounds}", timeout=LATE_MS)

    print(f"{len(opened)} tabs saw {rounds} deploys in {time.monotonic() - begun:.0f} s")
    for page in opened:
        expect(page.locator("#cut")).to_be_hidden()
