"""The *Logs* page: links to lines, and the command that it names."""

import html
import re
from datetime import datetime, timedelta

from pvdify.dashboard.pages.logs import MOST_AROUND, SEARCHED
from tests.fakes.clock import FakeClock
from tests.unit.dashboard.conftest import IMAGE, Browser, Site

START = FakeClock().now()


def write(site: Site, text: str, at: datetime) -> None:
    site.machine.supervisor.write("pvdify-shop-web-v1-1", text, at=at)


async def page_of(browser: Browser, query: str = "") -> str:
    answer = await browser.get(f"/apps/shop/logs{query}")
    assert answer.status == 200, answer.content
    return answer.content.decode()


def link_to(text: str, page: str) -> tuple[str, str]:
    """Return the link's query and anchor of the line with this text."""
    (found,) = re.findall(
        rf'<a href="([^"]+)"><time[^>]*>[^<]*</time></a><span class="from">[^<]*</span><span class="text">{text}<', page
    )
    query, _, anchor = html.unescape(found).partition("#")
    return query, anchor


async def test_the_link_to_a_line_shows_it_after_the_next_deploy(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    write(site, "the cause", START)
    browser = await site.signed_in()
    query, anchor = link_to("the cause", await page_of(browser))

    await site.daemon.deploy(image=IMAGE)
    page = await page_of(browser, query)

    assert f'id="{anchor}"' in page
    assert "the cause" not in await page_of(browser)


async def test_the_link_to_a_line_shows_it_among_very_many(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    for number in range(2 * MOST_AROUND):
        write(site, f"before {number}", START)
    write(site, "the cause", START + timedelta(seconds=1))
    browser = await site.signed_in()
    query, anchor = link_to("the cause", await page_of(browser))
    for number in range(SEARCHED):
        write(site, f"after {number}", START + timedelta(seconds=2))

    page = await page_of(browser, query)

    assert f'id="{anchor}"' in page
    assert f"before {2 * MOST_AROUND - 1}<" in page
    assert "after 0<" in page


async def test_a_line_has_the_same_link_under_every_filter(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    for text in ("a", "b", "the cause"):
        write(site, text, START)
    browser = await site.signed_in()

    assert link_to("the cause", await page_of(browser, "?text=cause")) == link_to("the cause", await page_of(browser))


async def test_the_command_is_safe_to_paste_and_reads_the_same_lines(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    browser = await site.signed_in()

    page = await page_of(browser, "?process=web%3B+reboot&release=1&since=15m")

    assert "<code>pvdify logs shop --process 'web; reboot' --release 1 --since 15m -f</code>" in html.unescape(page)


async def test_errors_only_keeps_the_other_filters(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    browser = await site.signed_in()

    page = await page_of(browser, "?process=web&text=slow")

    assert 'href="/apps/shop/logs?process=web&text=slow&level=error"' in html.unescape(page)


async def test_a_moment_that_no_calendar_has_is_ignored(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    browser = await site.signed_in()

    assert "Following" in await page_of(browser, "?at=0001-01-01T00:00:00%2B14:00")
