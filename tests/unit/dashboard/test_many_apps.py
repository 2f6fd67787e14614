"""The start page with more apps than fit on one page."""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import quote

from pvdify.dashboard.pages.now import MOST_ITEMS
from pvdify.dashboard.rows import ROWS
from pvdify.model.token import Role
from tests.support.asgi import Answer
from tests.unit.dashboard.conftest import ADMIN, IMAGE, Site


async def fill(site: Site, count: int) -> list[str]:
    """Make apps without a release; return their names."""
    names = [f"app-{number:04d}" for number in range(count)]
    for name in names:
        await site.engine.requests.create_app(name, ADMIN)
    return names


def rows_of(answer: Answer) -> list[str]:
    return re.findall(r'<th scope="row" class="all"><a href="/apps/([^"]+)"', answer.content.decode())


def live_of(answer: Answer) -> str:
    found = re.search(r'data-live="([^"]+)"', answer.content.decode())
    assert found is not None
    return unescape(found[1])


async def test_every_app_is_on_one_page(site: Site) -> None:
    names = await fill(site, ROWS + 3)
    browser = await site.signed_in()

    first, second = await browser.get("/"), await browser.get("/?page=2")

    assert rows_of(first) + rows_of(second) == names
    assert b'<a href="/?page=2">Next</a>' in first.content
    assert b'<a href="/">Previous</a>' in second.content
    assert b"Page 2 of 2" in second.content


async def test_a_filter_finds_apps_of_all_pages(site: Site) -> None:
    await fill(site, ROWS + 3)
    browser = await site.signed_in()

    found = await browser.get(f"/?filter=app-{ROWS + 1:04d}")
    nothing = await browser.get("/?filter=" + quote('"><script>'))

    assert rows_of(found) == [f"app-{ROWS + 1:04d}"]
    assert f"1 of {ROWS + 3}".encode() in found.content
    assert rows_of(nothing) == []
    assert b"No app matches" in nothing.content
    assert b'"><script>' not in nothing.content


async def test_a_stream_follows_the_part_of_the_list_that_the_page_shows(site: Site) -> None:
    names = await fill(site, ROWS + 1)
    browser = await site.signed_in()
    for path in ("/", "/?page=2", f"/?filter={names[-1]}"):  # until the checks in the background are known
        await browser.get(path)
    addresses = [live_of(await browser.get(path)) for path in ("/?page=2", f"/?filter={names[-1]}")]

    await site.engine.requests.set_maintenance(names[-1], ADMIN, is_on=True)

    second, filtered = [await browser.get(address + "&turn=yes") for address in addresses]
    assert rows_of(second) == [names[-2]]  # the app with maintenance is the first one of page 1 now
    assert rows_of(filtered) == [names[-1]]
    assert b"maintenance" in filtered.content


async def test_a_reader_of_one_app_finds_no_other_app(site: Site) -> None:
    names = await fill(site, ROWS + 3)
    admin, reader = await site.signed_in(), await site.signed_in(Role.READ, names[0])
    for path in ("/?filter=app", "/?page=2", "/?filter=app-0002"):
        await admin.get(path)

    assert rows_of(await reader.get("/?filter=app")) == [names[0]]
    assert rows_of(await reader.get("/?page=2")) == [names[0]]
    assert rows_of(await reader.get("/?filter=app-0002")) == []


async def test_many_problems_are_counted_and_the_first_ones_shown(site: Site) -> None:
    await site.daemon.deploy("shop", image=IMAGE)
    (release,) = await site.machine.store.releases("shop", 1)
    for name in await fill(site, MOST_ITEMS + 7):
        failed = replace(release, app=name, status=type(release.status).FAILED, failure=None)
        await site.machine.store.save(failed)

    page = (await (await site.signed_in()).get("/")).content.decode()

    assert page.count("See which step failed and its log") == MOST_ITEMS
    assert f'Needs attention <span class="soft">{MOST_ITEMS + 7}</span>' in page
    assert "7 more, which are less urgent or older." in page
